import { describe, expect, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { partsOf, type Session, sessionPlace } from "../../src/sessions/record.ts";
import { isFullyMerged, refreshMerged } from "../../src/sessions/refresh.ts";
import { lockSession, updateSession } from "../../src/sessions/store.ts";
import { summarise } from "../../src/sessions/summary.ts";
import type { Desk } from "./session-desk.ts";
import { openDesk } from "./session-room.ts";

const timeoutMs = 120_000;
const workspaces = ["overlay", "copy"] as const;

/** Notes that the tip was merged, and moves the session on. */
const moveOn = async (desk: Desk, session: Session) => {
  const merged = { tip: session.collected!.tip, at: new Date().toISOString() };
  const now = await updateSession(desk.host, session, () => ({ merged }));
  expect(isFullyMerged(now)).toBe(true);
  const held = lockSession(desk.host, now);
  const done = await refreshMerged(desk.host, held, desk.repositoryOf());
  held.release();
  expect(done.problems).toEqual([]);
  expect(isFullyMerged(done.session)).toBe(false);
  expect(summarise(desk.host, done.session).state).toBe("merged");
  return done.session;
};

describe.each(workspaces)("%s", (workspace) => {
  const script = `echo two > a.txt; echo c > c; git add .; git commit -qm mine
    echo open > open; rm -r dir; mkdir -p deep/ignored; echo x > deep/ignored/y; echo z > deep/z; echo keep > ignored`;
  const inside = `git status --porcelain; git rev-parse HEAD; git symbolic-ref HEAD; cat deep/ignored/y ignored; ls; ls deep`;

  const ways: Record<string, (desk: Desk, tip: string) => void> = {
    "by fast-forward": (desk, tip) => desk.git("merge", "-q", "--ff-only", tip),
    "as one commit": (desk, tip) => {
      desk.git("merge", "-q", "--squash", tip);
      desk.git("commit", "-qm", "squashed");
    },
    "into what the host had made meanwhile": (desk, tip) => {
      desk.put("host", "host\n");
      desk.git("add", "host");
      desk.git("commit", "-qm", "host");
      desk.git("merge", "-q", "-m", "merged", tip);
    },
  };
  test.each(Object.keys(ways))(
    "merged %s, it goes on from the host's state, with what git ignores",
    async (way) => {
      const desk = openDesk();
      const { session } = await desk.did(script, workspace);
      ways[way]!(desk, session.collected!.tip);
      const next = await moveOn(desk, session);
      const head = desk.git("rev-parse", "HEAD");
      expect(next.base).toEqual({ commit: head, head, branch: "refs/heads/main" });
      const names = ["a.txt", "c", "deep", ...(way.startsWith("into") ? ["host"] : []), "ignored", "open"];
      const seen = await desk.work(next, inside);
      expect(seen.trim().split("\n")).toEqual([head, "refs/heads/main", "x", "keep", ...names, "ignored", "z"]);
      desk.put("c", "later\n");
      if (workspace === "overlay") expect(await desk.work(next, "cat c")).toBe("later\n");
      desk.git("checkout", "-q", "c");
      await desk.work(next, "echo more >> open; git commit -qam more; echo new > new");
      const again = await desk.collect(next);
      expect(again.problems).toEqual([]);
      expect(again.collected).toMatchObject({ work: true, commits: 1, files: 2 });
      expect(desk.git("rev-parse", `${again.collected!.tip}~2`)).toBe(head);
    },
    timeoutMs,
  );

  test(
    "a branch of its own that was merged gives way to the host's",
    async () => {
      const desk = openDesk();
      const { session } = await desk.did("git checkout -qb topic; echo t > t; git add t; git commit -qm t", workspace);
      desk.git("merge", "-q", "--ff-only", session.collected!.tip);
      const next = await moveOn(desk, session);
      expect(await desk.work(next, "git symbolic-ref HEAD; git status --porcelain; git branch --list topic")).toBe(
        "refs/heads/main\n  topic\n",
      );
    },
    timeoutMs,
  );

  test(
    "repositories that were made inside stay",
    async () => {
      const desk = openDesk();
      const { session } = await desk.did(
        "echo x > x; git init -q made; echo y > made/y; git -C made add y; git -C made commit -qm y",
        workspace,
      );
      desk.git("merge", "-q", "--ff-only", session.collected!.tip);
      const next = await moveOn(desk, session);
      expect(await desk.work(next, "git -C made log --format=%s; cat made/y x")).toBe("y\ny\nx\n");
    },
    timeoutMs,
  );

  test(
    "without git",
    async () => {
      const desk = openDesk({ hasGit: false });
      const { session } = await desk.did("echo two > a.txt; rm -r dir; echo n > n", workspace);
      desk.put("a.txt", "two\n");
      desk.put("n", "n\n");
      fs.rmSync(path.join(desk.project, "dir"), { recursive: true });
      const next = await moveOn(desk, session);
      desk.put("n", "host\n");
      if (workspace === "overlay") expect(await desk.work(next, "cat n; ls")).toBe("host\na.txt\nn\n");
      await desk.work(next, "echo more >> a.txt");
      const { collected } = await desk.collect(next);
      expect(collected).toMatchObject({ files: 1, work: true });
    },
    timeoutMs,
  );
});

test(
  "what died between the two layers is finished",
  async () => {
    const desk = openDesk();
    const { session } = await desk.did("echo two > a.txt; echo keep > ignored");
    desk.git("merge", "-q", "--ff-only", session.collected!.tip);
    const { room } = partsOf(sessionPlace(desk.host, session));
    fs.mkdirSync(path.join(room, "old-x"));
    fs.renameSync(path.join(room, "upper"), path.join(room, "old-x/upper"));
    fs.mkdirSync(path.join(room, "next"));
    fs.writeFileSync(path.join(room, "next/ignored"), "keep\n");
    const next = await moveOn(desk, session);
    expect(await desk.work(next, "git status --porcelain; cat a.txt ignored")).toBe("two\nkeep\n");
  },
  timeoutMs,
);
