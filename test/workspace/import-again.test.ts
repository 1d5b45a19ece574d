import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { listPrivateRefs } from "../../src/workspace/private-refs.ts";
import { readUnchanged } from "../../src/workspace/unchanged.ts";
import { type Lab, litterOf, refsOf, tryRun, useLabs } from "./import-lab.ts";

/** Imports after another, imports of nothing, and imports of other users. */

const open = useLabs();

test("a second import brings what is new, a third nothing", async () => {
  const lab = open();
  lab.commit("file", "two\n");
  const { seen } = await lab.bring();
  const tip = lab.commit("file", "three\n");
  const base = { ...lab.base, head: seen!.head, refs: seen!.refs };
  expect((await lab.bring({ base })).imported).toMatchObject([{ ref: "refs/heads/main", id: tip }]);
  // Also for one who remembers the first base alone.
  expect(await lab.bring()).toMatchObject({ imported: [], kept: [], hints: [], problems: [] });
  expect(lab.git("status", "--porcelain")).toBe("");
});

test("a branch that was only switched to is offered as long as the host stands elsewhere", async () => {
  const lab = open();
  lab.git("branch", "feature");
  const base = { ...lab.base, refs: refsOf(lab.git("for-each-ref")) };
  lab.inside("branch", "feature");
  lab.inside("symbolic-ref", "HEAD", "refs/heads/feature");
  expect(await lab.bring({ base })).toMatchObject({
    imported: [],
    hints: [{ command: expect.stringContaining("refs/heads/feature") }],
  });
  lab.git("switch", "-q", "feature");
  expect(await lab.bring({ base })).toMatchObject({ imported: [], hints: [] });
});

describe("a look without a sandbox", () => {
  const look = (lab: Lab) => readUnchanged(lab.priv, "", lab.base);

  test("says the same as one with a sandbox when nothing is new", async () => {
    const lab = open();
    expect(look(lab)).toMatchObject({ refs: lab.base.refs, branch: "refs/heads/main", head: lab.base.head! });
    lab.inside("pack-refs", "--all");
    lab.inside("checkout", "-q", "--detach");
    expect(look(lab)).toMatchObject({ branch: undefined, head: lab.base.head! });
    expect(await lab.bring()).toMatchObject({ imported: [], kept: [], hints: [], problems: [], seen: look(lab)! });
    const { host, priv: directory, repository } = lab;
    const request = { host, directory, id: "import-test", below: "", objects: repository.objects, git: "/usr/bin/git" };
    const { refs, branch, head, stash } = look(lab)!;
    const listed = await listPrivateRefs({ ...request, memoryBytes: 256 * 1024 * 1024, room: lab.at("home") }, 20_000);
    expect(listed).toMatchObject({ refs, branch, head: head!, stash });
  });

  const changes: Record<string, (lab: Lab) => void> = {
    "a commit": (lab) => lab.commit("file", "two\n"),
    "a packed commit": (lab) => {
      lab.commit("file", "two\n");
      lab.inside("pack-refs", "--all", "--prune");
    },
    "a branch": (lab) => lab.inside("branch", "topic"),
    "a tag": (lab) => lab.inside("tag", "v1"),
    "a note": (lab) => lab.inside("notes", "add", "-m", "x"),
    "a commit without a branch": (lab) => {
      lab.inside("checkout", "-q", "--detach");
      lab.commit("file", "two\n");
    },
    "a stash entry": (lab) => {
      fs.writeFileSync(path.join(lab.top, "file"), "two\n");
      lab.inside("stash", "-q");
    },
    "a commit in another working tree": (lab) => {
      lab.inside("worktree", "add", "-q", "--detach", lab.at("third"));
      tryRun(
        ["-C", lab.at("third"), "commit", "-qm", "x", "--allow-empty"],
        { ...lab.env, GIT_ALTERNATE_OBJECT_DIRECTORIES: lab.at("main/.git/objects") },
        "/",
      );
    },
    rubbish: (lab) => fs.appendFileSync(path.join(lab.priv, "packed-refs"), "rubbish\n"),
  };
  test.each(Object.keys(changes))("notices %s", async (name) => {
    const lab = open();
    changes[name]!(lab);
    expect(look(lab)).toBeUndefined();
    const { imported, kept, problems } = await lab.bring();
    expect([...imported, ...kept, ...problems].length).toBeGreaterThan(0);
  });
});

test.skipIf(process.getuid?.() !== 0)("an ordinary user imports as well", async () => {
  const lab = open();
  const tip = lab.commit("file", "two\n");
  fs.copyFileSync(process.execPath, lab.at("bun"));
  fs.chmodSync(lab.at("bun"), 0o755);
  const entrypoints = [path.join(import.meta.dirname, "import-main.ts")];
  const built = await Bun.build({ entrypoints, target: "bun", outdir: lab.directory, naming: "import.js" });
  expect(built.success).toBe(true);
  spawnSync("chown", ["-R", "1234:1234", lab.directory]);
  const request = { ...lab.request, host: { ...lab.host, uid: 1234, gid: 1234 } };
  const user = ["--reuid=1234", "--regid=1234", "--clear-groups", lab.at("bun"), lab.at("import.js")];
  const env = { PATH: lab.env["PATH"], HOME: lab.at("home") };
  const done = spawnSync("setpriv", [...user, JSON.stringify(request)], { env, cwd: lab.top, timeout: 60_000 });
  expect(JSON.parse(done.stdout.toString())).toMatchObject({ imported: [{ id: tip }], problems: [] });
  expect(fs.statSync(lab.at("main/.git/index")).uid).toBe(1234);
  expect(litterOf(lab)).toEqual([]);
});
