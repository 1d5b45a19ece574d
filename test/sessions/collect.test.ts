import { describe, expect, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { findSession } from "../../src/sessions/store.ts";
import type { Desk } from "./session-desk.ts";
import { openDesk } from "./session-room.ts";

const workspaces = ["overlay", "copy"] as const;
const timeoutMs = 120_000;

/** What differs between two commits: letters and names. */
const diffOf = (desk: Desk, from: string, to: string): string[] =>
  desk
    .git("-c", "core.quotePath=false", "diff", "--no-renames", "--name-status", from, to)
    .split("\n")
    .filter(Boolean)
    .map((row) => row.replace("\t", " "));

describe.each(workspaces)("%s", (workspace) => {
  test(
    "what was committed and what was not comes over; what the user had changed before does not",
    async () => {
      const desk = openDesk();
      desk.put("a.txt", "dirty\n");
      desk.put("untracked", "mine\n");
      desk.put("ignored", "secret\n");
      const before = [desk.git("status", "--porcelain"), desk.git("rev-parse", "HEAD")];
      const { session, collected, problems, notes } = await desk.did(
        `[ "$(git status --porcelain)" = "$(printf ' M a.txt\\n?? untracked')" ]
         echo two >> dir/b.txt; echo c > c; git add c dir; git commit -qm 'mine'; echo open > open; echo three >> dir/b.txt`,
        workspace,
      );
      expect([problems, notes]).toEqual([[], []]);
      expect(collected).toMatchObject({ work: true, commits: 1, files: 3, ref: `refs/cordon/${session.id}/tip` });
      expect(desk.git("rev-parse", collected!.ref)).toBe(collected!.tip);
      expect(diffOf(desk, "HEAD", `${collected!.tip}~1`)).toEqual(["A c", "M dir/b.txt"]);
      expect(diffOf(desk, `${collected!.tip}~1`, collected!.tip)).toEqual(["M dir/b.txt", "A open"]);
      expect(desk.git("log", "-1", "--format=%an %ae %cn %s", collected!.tip)).toBe(
        "cordon session one cordon@localhost cordon session one Work of session one that was not committed",
      );
      expect([desk.git("status", "--porcelain"), desk.git("rev-parse", "HEAD")]).toEqual(before);
      expect(findSession(desk.host, desk.project, "ONE")).toMatchObject({ isStale: false, collected });
    },
    timeoutMs,
  );

  test(
    "nothing done is nothing, and the same work is the same commit",
    async () => {
      const desk = openDesk();
      desk.put("untracked", "mine\n");
      const { session, collected } = await desk.did("touch a.txt; chmod 644 a.txt; echo x > ignored", workspace);
      expect(collected).toMatchObject({ tip: desk.git("rev-parse", "HEAD"), work: false, commits: 0, files: 0 });
      await desk.work(session, "echo more >> a.txt");
      const first = await desk.collect(session);
      await Bun.sleep(1_100);
      const second = await desk.collect(first.session);
      expect(second.collected!.tip).toBe(first.collected!.tip);
      expect(diffOf(desk, "HEAD", second.collected!.tip)).toEqual(["M a.txt"]);
    },
    timeoutMs,
  );

  test(
    "links, permissions, removed and replaced directories, names of any bytes",
    async () => {
      const desk = openDesk();
      for (const name of ["gone/x", "gone/deep/y", "becomes/x", "opaque/old", "file"]) desk.put(name, "old\n");
      desk.put(Buffer.from("caf\u00e9").toString(), "utf8\n");
      desk.git("add", "-A");
      desk.git("commit", "-qm", "more");
      const { collected, problems } = await desk.did(
        `rm -r gone becomes opaque; echo now > becomes; mkdir opaque; echo new > opaque/new
         rm file; mkdir -p file/deep; echo x > file/deep/x; ln -s /etc/passwd link; chmod +x a.txt
         printf x > "$(printf 'no\\377utf8')"; printf x > 'quo"te'; printf x > "$(printf 'new\\nline')"; printf x > -dash
         mkdir empty; mkfifo pipe`,
        workspace,
      );
      expect(problems).toEqual([]);
      const rows = desk.git("diff", "--no-renames", "--raw", "-z", "--abbrev=4", "HEAD", collected!.tip).split("\0");
      const found = rows.flatMap((row, at) => (row.startsWith(":") ? [`${row.slice(1, 14)} ${rows[at + 1]}`] : []));
      expect(found.sort()).toEqual(
        [
          ...["000000 100644 -dash", "100644 100755 a.txt", "000000 100644 becomes", "100644 000000 becomes/x"],
          ...["100644 000000 file", "000000 100644 file/deep/x", "100644 000000 gone/deep/y", "100644 000000 gone/x"],
          ...[
            "000000 120000 link",
            "000000 100644 new\nline",
            "000000 100644 no\ufffdutf8",
            "100644 000000 opaque/old",
          ],
          ...["000000 100644 opaque/new", '000000 100644 quo"te'],
        ].sort(),
      );
      expect(desk.git("show", `${collected!.tip}:link`)).toBe("/etc/passwd");
    },
    timeoutMs,
  );

  test(
    "without git everything counts, and a shadow repository holds it",
    async () => {
      const desk = openDesk({ hasGit: false });
      desk.put("ignored", "not here\n");
      const { session, collected, problems } = await desk.did(
        "echo more >> a.txt; rm dir/b.txt; echo changed > ignored; echo new > new; git init -q sub; touch sub/x",
        workspace,
      );
      expect(problems).toEqual([]);
      const names = desk.shadowGit(session, "diff", "--name-status", session.base.commit, collected!.tip).split("\n");
      expect(names).toEqual(["M\ta.txt", "D\tdir/b.txt", "M\tignored", "A\tnew"]);
      expect(collected).toMatchObject({ work: true, commits: 0, files: 4 });
      expect(fs.readdirSync(desk.project).sort()).toEqual([".gitignore", "a.txt", "dir", "ignored"]);
    },
    timeoutMs,
  );

  test(
    "HEAD inside on another branch, detached, unborn",
    async () => {
      const desk = openDesk();
      const other = await desk.did(
        "git checkout -qb topic; echo t > t; git add t; git commit -qm t; echo w > w",
        workspace,
        "b",
      );
      expect(other.collected).toMatchObject({ work: true, commits: 1, files: 2 });
      expect(desk.git("rev-parse", `refs/cordon/${other.session.id}/topic`)).toBe(
        desk.git("rev-parse", `${other.collected!.tip}~1`),
      );
      const detached = await desk.did(
        "git checkout -q --detach; echo t > t; git add t; git commit -qm t",
        workspace,
        "d",
      );
      expect(detached.collected).toMatchObject({ work: false, commits: 1, files: 1 });
      const unborn = await desk.did("git checkout -q --orphan fresh; echo t > t", workspace, "u");
      expect(unborn.problems.join()).toContain("HEAD inside leads to no commit");
      expect(unborn.collected).toMatchObject({ work: true, commits: 0, files: 1 });
      expect(desk.git("rev-parse", `${unborn.collected!.tip}~1`)).toBe(desk.git("rev-parse", "HEAD"));
    },
    timeoutMs,
  );

  test(
    "what was committed and taken back in the files, or only out of the index",
    async () => {
      const desk = openDesk();
      desk.put("dir/b.txt", "user\n");
      const { collected } = await desk.did(
        `echo two > a.txt; git commit -qm a a.txt; echo a > a.txt
         printf 'part\\n' > part; git add part; git rm -q --cached .gitignore; git commit -qm part
         git update-index --add --cacheinfo 100644,$(echo half | git hash-object -w --stdin),dir/b.txt; git commit -qm half`,
        workspace,
      );
      const tip = collected!.tip;
      expect(diffOf(desk, `${tip}~1`, tip)).toEqual(["M a.txt", "M dir/b.txt"]);
      expect(desk.git("show", `${tip}:dir/b.txt`)).toBe("user");
      expect(diffOf(desk, "HEAD", tip)).toEqual(["D .gitignore", "M dir/b.txt", "A part"]);
    },
    timeoutMs,
  );

  test(
    "repositories that are made inside stay there, and are named",
    async () => {
      const desk = openDesk();
      const { collected, notes, problems } = await desk.did(
        `git init -q made; echo x > made/x; git -C made add x; git -C made commit -qm x
         git init -q unborn; echo y > unborn/y; echo more >> a.txt`,
        workspace,
      );
      expect(problems).toEqual([]);
      expect(notes.sort()).toEqual([
        "made is a repository that was made inside: it stays in the session",
        "unborn is a repository that was made inside: it stays in the session",
      ]);
      expect(diffOf(desk, "HEAD", collected!.tip)).toEqual(["M a.txt"]);
    },
    timeoutMs,
  );

  test(
    "while it runs",
    async () => {
      const desk = openDesk();
      const { session, release } = await desk.create("one", workspace);
      const script =
        "echo x > first; touch started; for i in $(seq 60); do echo $i > n; git add -A; git commit -qm $i; sleep 0.02; done";
      const running = desk.work(session, script);
      const upper = path.join(desk.host.places.state, "sessions");
      const has = () =>
        fs.readdirSync(upper, { recursive: true, encoding: "utf8" }).some((name) => name.endsWith("/started"));
      while (!has()) await Bun.sleep(20);
      const done = await desk.collect(session, { isRunning: true });
      expect(done.collected).toBeDefined();
      expect(desk.git("cat-file", "-p", `${done.collected!.tip}:first`)).toBe("x");
      expect(done.session.isStale).toBe(true);
      await running;
      release();
      const after = await desk.collect(session);
      expect(after.problems).toEqual([]);
      expect(after.session.isStale).toBe(false);
      desk.git("fsck", "--strict");
    },
    timeoutMs,
  );
});

test(
  "the host's own changes shine through an overlay and are not the session's work",
  async () => {
    const desk = openDesk();
    const { session, release } = await desk.create("one");
    await desk.work(session, "touch a.txt; echo mine > mine; echo 'ignored2' > .gitignore; rm dir/b.txt");
    desk.put("a.txt", "host\n");
    desk.put("new-on-host", "host\n");
    desk.put("ignored", "host's secret\n");
    fs.rmSync(path.join(desk.project, "dir/b.txt"));
    release();
    const { collected, problems } = await desk.collect(session);
    expect(problems).toEqual([]);
    expect(diffOf(desk, "HEAD", collected!.tip)).toEqual(["M .gitignore", "A mine"]);
  },
  timeoutMs,
);

test(
  "commits of the host after the start stay out of a later run",
  async () => {
    const desk = openDesk();
    const { session, release } = await desk.create("one");
    await desk.work(session, "echo mine > a.txt");
    desk.put("a.txt", "host\n");
    desk.git("commit", "-qam", "host");
    await desk.work(session, "git log --oneline | wc -l; echo more > more");
    release();
    const { collected } = await desk.collect(session);
    expect(desk.git("rev-parse", `${collected!.tip}~1`)).toBe(desk.git("rev-parse", "HEAD~1"));
    expect(diffOf(desk, "HEAD~1", collected!.tip)).toEqual(["M a.txt", "A more"]);
  },
  timeoutMs,
);
