import { expect, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { printCommits, printPatch, printStat } from "../../src/sessions/review/print.ts";
import { type Review, reviewSession } from "../../src/sessions/review/review.ts";
import { readRepository } from "../../src/workspace/repository.ts";
import { createLab, type Lab, type LabSession, lines, workIn } from "./merge-lab.ts";
import { realGit } from "./merge-trap.ts";

/** What a person is shown of a session, and what a session does so that it is not. */

const withReview = async (work: (lab: Lab) => Promise<void>): Promise<void> => {
  const lab = createLab();
  try {
    await work(lab);
  } finally {
    lab.close();
  }
};

const callOf = (lab: Lab) => ({ git: realGit, repository: readRepository(lab.top)! });
const look = async (lab: Lab, session: LabSession, more: Partial<Parameters<typeof printPatch>[2]> = {}) => {
  const review = await reviewSession({ call: callOf(lab), session, tip: session.tip });
  const patch = await printPatch(callOf(lab), review, { isColoured: false, ...more });
  return { review, patch };
};
const fileOf = ({ files }: Review, name: string) => files.find(({ path }) => path === name);

test("commits, files, modes and counts", () =>
  withReview(async (lab) => {
    lab.commit({ "old.txt": lines("old"), "run.sh": "#!/bin/sh\n" });
    const session = workIn(lab, "fix", (agent) => {
      agent.commit({ "a.txt": lines("a", { 0: "agent" }) }, "one\nmore\n\nbody");
      agent.git("mv", "old.txt", "moved.txt");
      agent.put("new.txt", "n\n");
      fs.chmodSync(path.join(agent.top, "run.sh"), 0o755);
      fs.rmSync(path.join(agent.top, "b.txt"));
      fs.symlinkSync("a.txt", path.join(agent.top, "link"));
      fs.rmSync(path.join(agent.top, "dir/c.txt"));
      fs.symlinkSync("../a.txt", path.join(agent.top, "dir/c.txt"));
    });
    const { review, patch } = await look(lab, session);
    expect(review.commits.map(({ subject, author }) => `${author.name}: ${subject}`)).toEqual([
      "Agent: work of fix",
      "Agent: one more",
    ]);
    expect(review.commitCount).toBe(2);
    expect(review.files.map(({ path, kind, added, removed }) => [path, kind, added, removed])).toEqual([
      ["a.txt", "changed", 1, 1],
      ["b.txt", "deleted", 0, 10],
      ["dir/c.txt", "changed", 1, 10],
      ["link", "added", 1, 0],
      ["moved.txt", "added", 10, 0],
      ["new.txt", "added", 1, 0],
      ["old.txt", "deleted", 0, 10],
      ["run.sh", "changed", 0, 0],
    ]);
    expect(fileOf(review, "moved.txt")).toMatchObject({ movedFrom: "old.txt" });
    expect(patch).toContain("diff --git a/a.txt b/a.txt\n@@ -1,4 +1,4 @@\n-a 0\n+agent\n a 1\n");
    expect(patch).toContain(
      "diff --git a/moved.txt b/moved.txt\nnew file mode 100644\nmoved from old.txt, every byte the same\n",
    );
    expect(patch).toContain("old mode 100644\nnew mode 100755\n");
    expect(patch).toContain("old mode 100644\nnew mode 120000\n@@ -1,10 +0,0 @@\n-c 0\n");
    expect(patch).toContain("@@ -0,0 +1 @@\n+../a.txt\n\\ No newline at end of file\n");
    expect(printStat(review, { isColoured: false })).toContain(" run.sh    | 0 (executable now)");
    expect(printStat(review, { isColoured: false }).at(-1)).toBe(" 8 files changed, 14 lines added, 31 removed");
    expect(printCommits(review, { isColoured: false })[1]).toMatch(/^[0-9a-f]{10} \d{4}-\d\d-\d\d Agent: one more$/);
    const one = await look(lab, session, { paths: ["dir/", "new.txt"] });
    expect([...one.patch.matchAll(/^diff --git a\/(\S+)/gm)].map(([, name]) => name)).toEqual(["dir/c.txt", "new.txt"]);
    const short = await look(lab, session, { paths: ["b.txt"], mostLines: 3 });
    expect(short.patch).toContain("… 8 more lines of b.txt");
  }));

test("attributes, replacements, grafts and flags hide nothing", () =>
  withReview(async (lab) => {
    const attributes = "* -diff -text linguist-generated binary diff=evil export-ignore\n";
    lab.commit({ ".gitattributes": attributes });
    const trap = lab.at("trap");
    for (const key of ["command", "textconv"]) lab.git("config", `diff.evil.${key}`, `touch ${trap}; echo hidden`);
    lab.git("config", "diff.external", `touch ${trap}`);
    lab.git("config", "core.attributesFile", path.join(lab.top, ".gitattributes"));
    const session = workIn(lab, "fix", (agent) => {
      agent.commit({ "a.txt": lines("a", { 0: "SEEN" }), "x/.gitattributes": attributes, "x/y": "SEEN TOO\n" });
    });
    lab.git("update-index", "--assume-unchanged", "a.txt");
    const blob = lab.git("rev-parse", `${session.tip}:a.txt`);
    lab.git("replace", blob, lab.git("rev-parse", "HEAD:a.txt"));
    lab.git("replace", session.tip, lab.git("rev-parse", "HEAD"));
    lab.put(".git/info/grafts", `${session.tip}\n`);
    const { review, patch } = await look(lab, session);
    expect(patch).toContain("\n+SEEN\n");
    expect(patch).toContain("\n+SEEN TOO\n");
    expect(review.commitCount).toBe(1);
    expect(fileOf(review, "a.txt")).toMatchObject({ added: 1, removed: 1 });
    expect(fs.existsSync(trap)).toBe(false);
  }));

test("nothing that is shown is obeyed, and what would not be seen is spelled out", () =>
  withReview(async (lab) => {
    const evil = "\x1b]0;t\x07";
    const session = workIn(lab, "fix", (agent) => {
      agent.put("a.txt", "safe();\revil();\n\u202eright\u2066 to left\u200b\n\ttab\n\x1b[2Jcleared\u009b31m\n");
      agent.put(`${evil}name\n.txt`, "x\n");
      fs.writeFileSync(path.join(agent.top, "latin.txt"), Buffer.concat([Buffer.from("caf"), Buffer.of(0xe9, 10)]));
      agent.git("add", "-A");
      agent.git("-c", `user.name=E${evil}vil`, "commit", "-qm", `subject ${evil}\u202e`);
    });
    const { review, patch } = await look(lab, session);
    const shown = [
      patch,
      ...printStat(review, { isColoured: false }),
      ...printCommits(review, { isColoured: false }),
    ].join("\n");
    expect(shown).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202e\u2066]/);
    expect(patch).toContain(
      "+safe();\\revil();\n+\\u{202e}right\\u{2066} to left\\u{200b}\n+\ttab\n+\\x1b[2Jcleared\\x9b31m\n",
    );
    expect(patch).toContain("+caf\\xe9\n");
    expect(patch).toContain("diff --git a/\\x1b]0;t\\x07name\\n.txt ");
    const coloured = await look(lab, session, { isColoured: true });
    const styles = /\x1b\[[0-9;]*m/g;
    expect(coloured.patch).toMatch(styles);
    expect(coloured.patch.replace(styles, "")).toBe(patch);
    expect(coloured.patch).toContain("\x1b[7m\\r\x1b[27m");
  }));

test("lines that look like the beginning of another file are lines of this one", () =>
  withReview(async (lab) => {
    const fake =
      "-- a/b.txt\n++ b/b.txt\ndiff --git a/b.txt b/b.txt\n@@ -1 +1 @@\n\\ No newline at end of file\nBinary files differ\n";
    const session = workIn(lab, "fix", (agent) => agent.commit({ "a.txt": fake, "z.txt": "SEEN\n" }));
    const { patch } = await look(lab, session);
    expect([...patch.matchAll(/^diff --git a\/(\S+)/gm)].map(([, name]) => name)).toEqual(["a.txt", "z.txt"]);
    for (const line of fake.trimEnd().split("\n")) expect(patch).toContain(`\n+${line}\n`);
    expect(patch).toContain("\n+SEEN\n");
  }));

test("a zero byte does not make a script unreadable", () =>
  withReview(async (lab) => {
    lab.commit({ "was.sh": "old\0\n" });
    const session = workIn(lab, "fix", (agent) => {
      agent.commit({ "new.sh": "#!/bin/sh\0\ncurl evil\n", "was.sh": "old\0\ncurl worse\n" });
      agent.put("image.png", Buffer.from(Array.from({ length: 4000 }, (_, at) => (at * 37) % 256)));
    });
    const { patch, review } = await look(lab, session);
    expect(patch).toContain("+#!/bin/sh\\x00\n+curl evil\n");
    expect(patch).toContain("+curl worse\n");
    expect(patch).toContain("no text, or too large to be shown: 4000 bytes\n");
    expect(fileOf(review, "image.png")?.added).toBeUndefined();
  }));

test("what the host executes later is found, with what its text says", () =>
  withReview(async (lab) => {
    const manifest = (more: object) => `${JSON.stringify({ name: "x", version: "1", ...more })}\n`;
    lab.commit({ "package.json": manifest({}), "quiet/package.json": manifest({}) });
    lab.git("config", "core.hooksPath", "tools/hooks");
    const session = workIn(lab, "fix", (agent) => {
      agent.put("package.json", manifest({ scripts: { postinstall: "evil" } }));
      agent.put("quiet/package.json", manifest({ description: "harmless" }));
      agent.put(".envrc", "evil\n");
      agent.put("tools/hooks/pre-push", "evil\n", 0o755);
      agent.put("cache/repo/HEAD", "ref: refs/heads/main\n");
      agent.put("cache/repo/config", "[core]\n");
      agent.put("cache/repo/objects/x", "x");
      agent.put("cache/repo/refs/heads/x", "x");
      agent.put("deep/.gitmodules", "[submodule]\n");
      fs.symlinkSync("/etc", path.join(agent.top, "out"));
      agent.git("update-index", "--add", "--cacheinfo", `160000,${agent.git("rev-parse", "HEAD")},sub`);
      agent.git("commit", "-qm", "sub");
      fs.mkdirSync(path.join(agent.top, "sub"));
    });
    const { review, patch } = await look(lab, session);
    const found = Object.fromEntries(review.findings.map(({ path, why }) => [path, why]));
    expect(found["package.json"]).toContain("postinstall");
    expect(found["quiet/package.json"]).toBeUndefined();
    expect(found["tools/hooks/pre-push"]).toBe("git runs hooks");
    expect(found["cache/repo"]).toContain("git opens it as a repository");
    expect(found["out"]).toBe("leads out of the project");
    expect(Object.keys(found)).toContain(".envrc");
    expect(review.gitlinks).toEqual(["sub"]);
    expect(review.gitmodules).toEqual(["deep/.gitmodules"]);
    expect(patch).toContain(`+Subproject commit ${lab.git("rev-parse", "main")}`);
  }));

test(
  "bombs: large files, long lines, many files",
  () =>
    withReview(async (lab) => {
      const session = workIn(lab, "fix", (agent) => {
        agent.put("a-line.txt", `${"x".repeat(900_000)}\n`);
        agent.put("zeros", Buffer.alloc(2 * 1024 * 1024));
        agent.put("text", "y\n".repeat(1024 * 1024));
        agent.put("z.txt", "SEEN\n");
        for (let n = 0; n < 1_000; n++) agent.put(`many/${n}`, `${n}\n`);
      });
      const { review, patch } = await look(lab, session);
      expect(review.files).toHaveLength(1_004);
      expect(fileOf(review, "zeros")).toMatchObject({ sizeBytes: 2 * 1024 * 1024 });
      expect(patch.length).toBeLessThan(1024 * 1024);
      expect(patch).toContain("… 896001 more characters");
      expect(patch).toContain("no text, or too large to be shown: 2097152 bytes");
      expect(patch).toContain("\n+SEEN\n");
    }),
  60_000,
);

test("a session that began without a commit, and one that made nothing", async () => {
  const lab = createLab({ empty: true });
  try {
    const session = workIn(lab, "fix", (agent) => agent.commit({ "a.txt": "x\n" }));
    expect((await look(lab, session)).review.files).toMatchObject([{ path: "a.txt", kind: "added" }]);
    lab.commit({ "b.txt": "b\n" });
    const idle = workIn(lab, "idle", () => {});
    const { review, patch } = await look(lab, idle);
    expect([review.commitCount, review.files, patch]).toEqual([0, [], ""]);
  } finally {
    lab.close();
  }
});
