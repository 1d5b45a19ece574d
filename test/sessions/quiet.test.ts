import { describe, expect, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { createSession } from "../../src/sessions/creation.ts";
import { deferBase } from "../../src/sessions/deferred-base.ts";
import { partsOf, readRecord, type Session, sessionPlace } from "../../src/sessions/record.ts";
import type { Desk } from "./session-desk.ts";
import { openDesk } from "./session-room.ts";

/** What a session is spared when there is little to do, and that nothing is lost by it. */

/** A collection that looks at files leaves its scratch directory; it is taken away first. */
const hasLooked = async (desk: Desk, session: Session, work: () => Promise<unknown>): Promise<boolean> => {
  const { scratch } = partsOf(sessionPlace(desk.host, session));
  fs.rmSync(scratch, { recursive: true, force: true });
  await work();
  return fs.existsSync(scratch);
};

describe("a session in which nobody has changed anything", () => {
  test("is collected without a look at its files", async () => {
    const desk = openDesk();
    desk.put("a.txt", "dirty\n");
    const { session, release } = await desk.create("one");
    await desk.work(session, "git status; cat a.txt");
    release();
    const head = desk.git("rev-parse", "HEAD");
    const look = async () => {
      const { collected, problems, notes } = await desk.collect(session);
      expect([problems, notes]).toEqual([[], []]);
      expect(collected).toMatchObject({ tip: head, work: false, commits: 0, files: 0 });
      expect(desk.git("rev-parse", collected!.ref)).toBe(head);
    };
    expect(await hasLooked(desk, session, look)).toBe(false);
    // Nor is what the user does meanwhile any work of the session.
    desk.put("a.txt", "and again\n");
    desk.git("commit", "-qam", "outside");
    expect(await hasLooked(desk, session, look)).toBe(false);
  });

  test("without git as well", async () => {
    const desk = openDesk({ hasGit: false });
    const { session, release } = await desk.create("one");
    await desk.work(session, "cat a.txt");
    release();
    const look = async () => {
      const { collected } = await desk.collect(session);
      expect(collected).toMatchObject({ tip: session.base.commit, work: false, commits: 0, files: 0 });
      expect(desk.shadowGit(session, "rev-parse", collected!.ref)).toBe(session.base.commit);
    };
    expect(await hasLooked(desk, session, look)).toBe(false);
  });

  const changes: [what: string, script: string, expected: object][] = [
    ["a new file", "echo new > new", { work: true, files: 1 }],
    ["a file that is gone", "rm a.txt", { work: true, files: 1 }],
    ["a directory that is gone", "rm -r dir", { work: true, files: 1 }],
    ["an empty commit", "git commit -q --allow-empty -m empty", { work: false, commits: 1, files: 0 }],
    [
      "a commit by other means",
      "git update-ref HEAD $(git commit-tree -m c -p HEAD $(git mktree </dev/null))",
      { commits: 1 },
    ],
    ["a file that git ignores", "echo secret > ignored", { work: false, commits: 0, files: 0 }],
  ];

  test.each(changes)("but not one with %s", async (_, script, expected) => {
    const desk = openDesk();
    const { session, release } = await desk.create("one");
    await desk.work(session, script);
    release();
    const look = async () => expect((await desk.collect(session)).collected).toMatchObject(expected);
    expect(await hasLooked(desk, session, look)).toBe(true);
  });

  test("nor one whose HEAD is elsewhere, or whose work is stashed", async () => {
    const desk = openDesk();
    desk.git("branch", "old");
    desk.put("a.txt", "two\n");
    desk.git("commit", "-qam", "two");
    const moved = await desk.create("moved");
    await desk.work(moved.session, "git checkout -q old && git reset -q --hard");
    moved.release();
    const head = desk.git("rev-parse", "old");
    expect((await desk.collect(moved.session)).collected).toMatchObject({ tip: head });
    const stashed = await desk.create("stashed");
    await desk.work(stashed.session, "echo x >> a.txt; git stash -q");
    stashed.release();
    const { imports } = await desk.collect(stashed.session);
    expect(imports.flatMap(({ kept }) => kept.map(({ name }) => name))).toContain("stash");
  });

  test("what it had made before and has taken back is no longer its work", async () => {
    const desk = openDesk();
    const { session } = await desk.did("echo new > new");
    expect(readRecord(sessionPlace(desk.host, session))?.collected).toMatchObject({ work: true });
    await desk.work(session, "rm new");
    const { collected } = await desk.collect(session);
    expect(collected).toMatchObject({ tip: desk.git("rev-parse", "HEAD"), work: false, files: 0 });
    expect(desk.git("rev-parse", collected!.ref)).toBe(collected!.tip);
  });
});

describe("a base that is taken while the program starts", () => {
  const make = async (desk: Desk) => {
    const repository = desk.repositoryOf();
    const asked = { host: desk.host, project: desk.project, repository, name: "one", agent: "claude" } as const;
    return await createSession({ ...asked, workspace: "overlay", defersBase: true });
  };
  const textOf = (desk: Desk, commit: string, file: string) => desk.git("show", `${commit}:${file}`);

  test("is what was there at the start", async () => {
    const desk = openDesk();
    desk.put("a.txt", "dirty\n");
    desk.put("untracked", "mine\n");
    const { session, release, takeBase } = await make(desk);
    const head = desk.git("rev-parse", "HEAD");
    expect(session.base).toEqual({ commit: head, head, branch: "refs/heads/main" });
    const base = deferBase(desk.host, session, takeBase);
    base.begin();
    await desk.work(session, "echo inside > a.txt; echo new > new; rm dir/b.txt");
    expect(await base.settle()).toEqual([]);
    release();
    const now = readRecord(sessionPlace(desk.host, session))!;
    expect(now.base).toMatchObject({ head, branch: "refs/heads/main" });
    expect(["a.txt", "untracked", "dir/b.txt"].map((file) => textOf(desk, now.base.commit, file))).toEqual([
      "dirty",
      "mine",
      "b",
    ]);
    const { collected } = await desk.collect(now);
    expect(desk.git("diff", "--name-only", head, collected!.tip).split("\n")).toEqual(["a.txt", "dir/b.txt", "new"]);
  });

  test("that was never taken makes nothing of the user's the session's work", async () => {
    const desk = openDesk();
    desk.put("dir/b.txt", "dirty\n");
    desk.put("untracked", "mine\n");
    const { session, release } = await make(desk);
    expect(fs.existsSync(partsOf(sessionPlace(desk.host, session)).index)).toBe(false);
    await desk.work(session, "echo inside > a.txt; echo new > new");
    release();
    const { collected, problems } = await desk.collect(session);
    expect(problems).toEqual([]);
    expect(desk.git("diff", "--name-only", "HEAD", collected!.tip).split("\n")).toEqual(["a.txt", "new"]);
  });

  test("that cannot be taken is said once", async () => {
    const desk = openDesk();
    const { session, release } = await make(desk);
    const base = deferBase(desk.host, session, () => Promise.reject(new Error("no room")));
    expect(await base.settle()).toEqual([expect.stringContaining("no room")]);
    expect(await base.settle()).toEqual([]);
    release();
  });

  test("is not put off where nothing has been committed yet, and for a copy", async () => {
    const desk = openDesk();
    const repository = { ...desk.repositoryOf()!, head: undefined };
    const asked = { host: desk.host, project: desk.project, agent: "claude", defersBase: true } as const;
    const unborn = await createSession({ ...asked, repository, name: "unborn", workspace: "overlay" });
    const copy = await createSession({ ...asked, repository: desk.repositoryOf(), name: "copy", workspace: "copy" });
    for (const { takeBase, session, release } of [unborn, copy]) {
      expect(takeBase).toBeUndefined();
      expect(fs.existsSync(path.join(sessionPlace(desk.host, session), "index"))).toBe(true);
      release();
    }
  });
});
