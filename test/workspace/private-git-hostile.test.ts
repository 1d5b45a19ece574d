import { describe, expect, test } from "bun:test";
import fs from "node:fs";
import { readPrivateRefs } from "../../src/workspace/private-reading.ts";
import { agentCommit, digestOf, useLab } from "./git-lab.ts";

const lab = useLab();
const { commit, run } = lab;

describe("the host's look at a private directory", () => {
  test("finds references, stashes and detached heads", async () => {
    lab.create("read");
    const opened = await lab.open("read");
    const work = `${agentCommit("x.txt")}; echo s >> a.txt; git stash -q -m kept; git worktree add -q --detach .w; cd .w; ${agentCommit("w.txt")}; git rev-parse HEAD`;
    const detached = lab.inside("read", opened, work).trim();
    const read = readPrivateRefs(opened.parts[0]!.directory);
    expect(read).toMatchObject({
      branch: "refs/heads/main",
      detached: undefined,
      others: [detached],
      isComplete: true,
    });
    expect(Object.keys(read.refs).sort()).toEqual(["refs/heads/main", "refs/stash"]);
    expect(read.stash).toEqual([{ id: read.refs["refs/stash"]!, message: "On main: kept" }]);
    opened.release();
  });

  test("follows no link, waits for no pipe and takes nothing for a reference that is none", async () => {
    lab.create("hostile");
    const opened = await lab.open("hostile");
    lab.write("outside/secret", `${"a".repeat(40)}\n`);
    lab.inside(
      "hostile",
      opened,
      `cd .git; ln -s ${lab.at("outside/secret")} refs/heads/link; mkfifo refs/heads/pipe; ln -s ${lab.at("outside")} refs/heads/dir
       mkdir -p 'refs/heads/..x' refs/heads/ok; echo ${"b".repeat(40)} > refs/heads/ok/one; echo ${"b".repeat(40)} > 'refs/heads/a b'
       printf '\\377' > refs/heads/bytes; echo 'ref: ../../etc' > HEAD; echo '${"c".repeat(40)} --option' >> packed-refs
       mkdir -p logs/refs; ln -s /etc/passwd logs/refs/stash; echo ${"b".repeat(40)} > refs/heads/__proto__`,
    );
    const read = readPrivateRefs(opened.parts[0]!.directory);
    expect(Object.keys(read.refs).sort()).toEqual(["refs/heads/__proto__", "refs/heads/main", "refs/heads/ok/one"]);
    expect(read).toMatchObject({ branch: undefined, detached: undefined, stash: [] });
    expect(read.skipped).toBeGreaterThanOrEqual(6);
    opened.release();
  });

  test("writes nothing through what an agent has put in the place of a directory", async () => {
    lab.create("trap");
    await run("trap", "git status");
    fs.mkdirSync(lab.at("victim/info"), { recursive: true });
    for (const name of ["info", "refs", "hooks", "objects/info"]) {
      fs.rmSync(lab.at(`store-trap/git/${name}`), { recursive: true, force: true });
      fs.symlinkSync(lab.at("victim"), lab.at(`store-trap/git/${name}`));
    }
    for (const name of ["config", "HEAD", "packed-refs", "index"]) {
      fs.rmSync(lab.at(`store-trap/git/${name}`), { force: true });
      fs.symlinkSync(lab.at("victim/file"), lab.at(`store-trap/git/${name}`));
    }
    lab.write("victim/file", "mine\n");
    const before = digestOf(lab.at("victim"));
    commit("trap", "h.txt");
    lab.outside("trap", "config", "core.eol", "lf");
    lab.write("trap/.git/info/exclude", "*.o\n");
    lab.write("trap/.git/hooks/pre-commit", "#!/bin/sh\n", 0o755);
    expect(await run("trap", "git log -1 --format=%s; git status --porcelain")).toBe("host h.txt\n");
    expect(digestOf(lab.at("victim"))).toBe(before);
  });

  test("is not locked out by rights that were taken away, and throws nothing away that it does not understand", async () => {
    lab.create("rights");
    await run(
      "rights",
      `${agentCommit("x.txt")}; git branch mine; git pack-refs --all; printf '%s refs/heads/\\351\\n' $(git rev-parse HEAD) >> .git/packed-refs`,
    );
    for (const name of ["git/refs/heads", "git/info", "git/objects/info", "git"])
      fs.chmodSync(lab.at(`store-rights/${name}`), 0o500);
    commit("rights", "h.txt");
    lab.outside("rights", "branch", "fresh");
    expect(await run("rights", "git for-each-ref --format='%(refname:short)' | od -An -c | tr -d ' \\n'")).toContain(
      "351",
    );
    expect(
      await run(
        "rights",
        "git log -1 --format=%s mine; git log -1 --format=%s fresh; git log -1 --format=%s host/main",
      ),
    ).toBe("agent x.txt\nhost h.txt\nhost h.txt\n");
  });
});
