import { describe, expect, test } from "bun:test";
import { pinnedRefs, pinTips, tipsOf, unpinTips } from "../../src/workspace/pins.ts";
import { readHostRefs } from "../../src/workspace/repository.ts";
import { agentCommit, git, useLab } from "./git-lab.ts";

const lab = useLab();
const { commit } = lab;

describe("pins", () => {
  test("hold on the host what was copied, whatever is deleted and collected there", async () => {
    lab.create("pinned");
    lab.outside("pinned", "switch", "-q", "-c", "doomed");
    commit("pinned", "d.txt");
    lab.outside("pinned", "switch", "-q", "main");
    const opened = await lab.open("pinned");
    lab.inside("pinned", opened, `git switch -q doomed; ${agentCommit("x.txt")}`);
    lab.outside("pinned", "branch", "-D", "doomed");
    lab.outside("pinned", "reflog", "expire", "--expire=now", "--all");
    lab.outside("pinned", "gc", "-q", "--prune=now");
    expect(lab.inside("pinned", opened, "git fsck --full && git log --format=%s doomed")).toContain("host d.txt");
    const call = { git, repository: { gitDir: lab.at("pinned/.git") } };
    await unpinTips(call, "run-1", readHostRefs(lab.at("pinned/.git")));
    expect(lab.outside("pinned", "for-each-ref", "--format=%(refname)")).toBe("refs/heads/main\n");
    expect(await pinTips(call, "run-1", [`${"0".repeat(39)}1`, lab.look("pinned").head!])).toBe(1);
    opened.release();
  });

  test("hold what is only staged, or only named by an operation in progress", async () => {
    lab.create("staged");
    for (const [branch, text] of [
      ["left", "l\n"],
      ["right", "r\n"],
    ] as const) {
      lab.outside("staged", "switch", "-q", "-c", branch, "main");
      lab.write("staged/a.txt", text);
      lab.outside("staged", "commit", "-q", "-a", "-m", branch);
    }
    lab.outside("staged", "switch", "-q", "-c", "work", "left");
    expect(() => lab.outside("staged", "merge", "right")).toThrow();
    lab.outside("staged", "branch", "-D", "right");
    lab.write("staged/s.txt", "only in the index\n");
    lab.write("staged/e.txt", "");
    lab.outside("staged", "add", "s.txt");
    lab.outside("staged", "add", "-N", "e.txt");
    const opened = await lab.open("staged");
    lab.write("staged/s.txt", "changed since\n");
    lab.outside("staged", "reset", "-q", "--hard");
    for (const words of [
      "switch -q -f main",
      "branch -D left work",
      "reflog expire --expire=now --all",
      "gc -q --prune=now",
    ])
      lab.outside("staged", ...words.split(" "));
    expect(lab.outside("staged", "fsck", "--strict")).toBe("");
    const script =
      "git checkout -q --ours a.txt; git add a.txt; git commit -q -m merged; git fsck --strict --no-dangling 2>&1; git show HEAD:s.txt; git log --format=%s";
    expect(lab.inside("staged", opened, script)).toMatch(
      /^only in the index\nmerged\n(left\nright|right\nleft)\none\n$/,
    );
    opened.release();
  });

  test("are named after a plain id, each object once, without tags when there are many", () => {
    const id = (n: number) => n.toString(16).padStart(40, "0");
    expect(() => pinnedRefs("../x", [id(1)])).toThrow();
    expect(pinnedRefs("a", [id(1), "junk"])).toEqual([{ name: `refs/cordon/a/base/${id(1)}`, tip: id(1) }]);
    const refs = new Map(Array.from({ length: 300 }, (_, n) => [`refs/tags/${n}`, { value: id(n) }]));
    refs.set("refs/heads/main", { value: id(5) });
    refs.set("refs/remotes/origin/HEAD", { value: "ref: refs/heads/main" });
    expect(tipsOf(refs, [id(7), undefined])).toEqual([id(7), id(5)]);
  });
});
