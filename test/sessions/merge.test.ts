import { expect, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { type Lab, lines, withLab, workIn } from "./merge-lab.ts";

/** What a merge makes of a session, by choice. */

const trailer = (name: string) => `Cordon-Session: ${name} (claude)`;
const messageOf = (lab: Lab, commit = "HEAD") => lab.git("log", "-1", "--format=%B", commit).trim();
const filesOf = (lab: Lab, from: string, to = "HEAD") =>
  lab.git("diff", "--name-only", from, to).split("\n").filter(Boolean);

test("a branch that has not moved becomes the tip, byte for byte", () =>
  withLab(async (lab) => {
    const session = workIn(lab, "fix", (agent) => {
      agent.commit({ "a.txt": lines("a", { 0: "agent" }) });
      agent.put("new/deep.sh", "#!/bin/sh\n", 0o755);
    });
    const result = await lab.merge(session);
    expect(result).toMatchObject({ kind: "merged", how: "fast-forward", head: session.tip, files: 2, commits: 2 });
    expect(result).toMatchObject({ branch: "refs/heads/main", isWhole: true, skipped: [] });
    expect(lab.git("rev-parse", "refs/heads/main")).toBe(session.tip);
    expect(lab.git("symbolic-ref", "HEAD")).toBe("refs/heads/main");
    expect(lab.git("status", "--porcelain")).toBe("");
    expect(fs.statSync(path.join(lab.top, "new/deep.sh")).mode & 0o111).toBe(0o111);
    expect(lab.git("reflog", "-1", "HEAD")).toContain("merge session fix");
    expect(await lab.merge(session)).toEqual({ kind: "nothing" });
  }));

test("one that has moved gets a merge that names the session", () =>
  withLab(async (lab) => {
    const session = workIn(lab, "fix", (agent) => agent.commit({ "a.txt": lines("a", { 0: "agent" }) }));
    const host = lab.commit({ "a.txt": lines("a", { 9: "host" }), "b.txt": "host\n" });
    expect(await lab.merge(session)).toMatchObject({ kind: "merged", how: "merge", files: 1, commits: 2 });
    expect(lab.git("log", "-1", "--format=%P %an %ce")).toBe(`${host} ${session.tip} Ada ada@example.org`);
    expect(messageOf(lab)).toBe(`Merge session 'fix'\n\n${trailer("fix")}`);
    expect(lab.get("a.txt")).toBe(lines("a", { 0: "agent", 9: "host" }));
    expect(lab.git("status", "--porcelain")).toBe("");
    expect(await lab.merge(session)).toEqual({ kind: "nothing" });
  }));

test("squash makes one commit of the user's", () =>
  withLab(async (lab) => {
    const session = workIn(lab, "fix", (agent) => {
      agent.commit({ "a.txt": "1\n" }, "first\n\nbody");
      agent.commit({ "b.txt": "2\n" }, "second \x1b[31mred");
    });
    const start = lab.git("rev-parse", "HEAD");
    expect(await lab.merge(session, { squash: true })).toMatchObject({ kind: "merged", how: "squash", commits: 1 });
    expect(lab.git("log", "-1", "--format=%P %an")).toBe(`${start} Ada`);
    expect(messageOf(lab)).toBe(`Session 'fix'\n\n* first\n* second \\x1b[31mred\n\n${trailer("fix")}`);
    expect(filesOf(lab, start)).toEqual(["a.txt", "b.txt"]);
    expect(await lab.merge(session)).toEqual({ kind: "nothing" });
  }));

test("work that goes on after a squash comes in on top of it", () =>
  withLab(async (lab) => {
    const session = workIn(lab, "fix", (agent) => {
      for (const word of ["one", "two", "three"]) agent.commit({ "a.txt": lines("a", { 4: word }) });
    });
    const first = lab.git("rev-parse", `${session.tip}~1`);
    await lab.merge({ ...session, tip: first }, { squash: true });
    lab.commit({ "b.txt": "host\n" });
    // By history alone, both sides have changed the same line.
    expect(await lab.merge(session)).toMatchObject({ kind: "conflict" });
    const merged = { tip: first, at: "2026-01-01T00:00:00Z" };
    expect(await lab.merge({ ...session, merged })).toMatchObject({ kind: "merged", how: "merge", files: 1 });
    expect(lab.get("a.txt")).toBe(lines("a", { 4: "three" }));
  }));

test("commits that were taken by choice do not stand in the way of later ones on the same lines", () =>
  withLab(async (lab) => {
    const session = workIn(lab, "fix", (agent) => {
      for (const word of ["one", "two"]) agent.commit({ "a.txt": lines("a", { 4: word }) });
    });
    const ids = [lab.git("rev-parse", `${session.tip}~1`)];
    expect(await lab.merge(session, { choice: { kind: "commits", ids } })).toMatchObject({ kind: "merged" });
    expect(lab.get("a.txt")).toBe(lines("a", { 4: "one" }));
    expect(await lab.merge(session)).toMatchObject({ kind: "merged", how: "merge" });
    expect(lab.get("a.txt")).toBe(lines("a", { 4: "two" }));
  }));

test("what was taken as a squash and dropped since is not taken for granted", () =>
  withLab(async (lab) => {
    const session = workIn(lab, "fix", (agent) => {
      agent.commit({ "a.txt": lines("a", { 4: "one" }), "n.txt": "n\n" });
      agent.commit({ "b.txt": lines("b", { 4: "two" }) });
    });
    const first = lab.git("rev-parse", `${session.tip}~1`);
    const start = lab.git("rev-parse", "HEAD");
    await lab.merge({ ...session, tip: first }, { squash: true });
    lab.git("reset", "-q", "--hard", start);
    lab.commit({ "a.txt": lines("a", { 9: "host" }), "n.txt": "another\n" });
    const merged = { tip: first, at: "2026-01-01T00:00:00Z" };
    const conflict = { kind: "conflict", conflicts: [{ path: "n.txt" }] };
    expect(await lab.merge({ ...session, merged })).toMatchObject(conflict);
    lab.git("reset", "-q", "--hard", start);
    expect(await lab.merge({ ...session, merged })).toMatchObject({ kind: "merged", how: "fast-forward" });
    expect(lab.get("n.txt")).toBe("n\n");
  }));

test("chosen commits keep their author and their order; the rest comes later", () =>
  withLab(async (lab) => {
    const ids: string[] = [];
    const session = workIn(lab, "fix", (agent) => {
      for (const n of [1, 2, 3, 4])
        ids.push(agent.commit({ [`n${n}.txt`]: `${n}\n` }, `commit ${n}\n\nSigned-off-by: X <x@y>`));
    });
    lab.commit({ "b.txt": "host\n" });
    const choice = { kind: "commits" as const, ids: [ids[2]!.slice(0, 12), ids[0]!] };
    expect(await lab.merge(session, { choice })).toMatchObject({
      kind: "merged",
      how: "commits",
      commits: 2,
      isWhole: false,
    });
    expect(lab.git("log", "-2", "--format=%s %an %ae %cn")).toBe(
      "commit 3 Agent agent@example.org Ada\ncommit 1 Agent agent@example.org Ada",
    );
    expect(messageOf(lab)).toBe(`commit 3\n\nSigned-off-by: X <x@y>\n${trailer("fix")}`);
    expect(lab.git("log", "-1", "--format=%ad", "HEAD")).toBe(lab.git("log", "-1", "--format=%ad", ids[2]!));
    // What is there already makes no empty commit.
    expect(await lab.merge(session, { choice })).toEqual({ kind: "nothing" });
    const more = { kind: "commits" as const, ids: [ids[0]!, ids[1]!] };
    expect(await lab.merge(session, { choice: more })).toMatchObject({ kind: "merged", commits: 1, skipped: [ids[0]] });
    expect(await lab.merge(session)).toMatchObject({ kind: "merged", how: "merge", files: 1 });
    expect(lab.get("n4.txt")).toBe("4\n");
  }));

test("chosen commits may become one", () =>
  withLab(async (lab) => {
    const ids: string[] = [];
    const session = workIn(lab, "fix", (agent) => {
      for (const n of [1, 2, 3]) ids.push(agent.commit({ [`n${n}.txt`]: `${n}\n` }, `commit ${n}`));
    });
    const choice = { kind: "commits" as const, ids: [ids[0]!, ids[2]!] };
    expect(await lab.merge(session, { choice, squash: true, message: "Mine" })).toMatchObject({ commits: 1, files: 2 });
    expect(messageOf(lab)).toBe(`Mine\n\n${trailer("fix")}`);
    expect(fs.existsSync(path.join(lab.top, "n2.txt"))).toBe(false);
  }));

test("a commit that is none of the session's is refused", () =>
  withLab(async (lab) => {
    const session = workIn(lab, "fix", (agent) => agent.commit({ "a.txt": "x\n" }));
    for (const id of [lab.git("rev-parse", "HEAD"), "--all", "HEAD", "f".repeat(40), "\x1b[31m", "abc"]) {
      const refused = await lab.merge(session, { choice: { kind: "commits", ids: [id] } });
      expect(refused).toMatchObject({ kind: "refused", code: "unknown-commit" });
      expect(JSON.stringify(refused)).not.toContain("\\u001b");
    }
  }));

test("chosen files come in one commit, and their final content only", () =>
  withLab(async (lab) => {
    const session = workIn(lab, "fix", (agent) => {
      agent.commit({ "a.txt": "draft\n", "dir/new.txt": "n\n", "dir/sub/x.txt": "x\n" });
      agent.commit({ "a.txt": lines("a", { 0: "final" }), "b.txt": "b\n" });
      agent.git("rm", "-q", "dir/c.txt");
      agent.git("commit", "-qm", "rm");
    });
    lab.commit({ "a.txt": lines("a", { 9: "host" }) });
    const choice = { kind: "files" as const, paths: ["a.txt", "dir/"] };
    expect(await lab.merge(session, { choice })).toMatchObject({ kind: "merged", how: "files", files: 4, commits: 1 });
    expect(lab.get("a.txt")).toBe(lines("a", { 0: "final", 9: "host" }));
    expect(lab.git("ls-files").split("\n")).toEqual(["a.txt", "b.txt", "dir/new.txt", "dir/sub/x.txt"]);
    expect(messageOf(lab)).toBe(`Take 4 files from session 'fix'\n\n${trailer("fix")}`);
    expect(await lab.merge(session, { choice })).toEqual({ kind: "nothing" });
    expect(await lab.merge(session)).toMatchObject({ kind: "merged", how: "merge", files: 1 });
    expect(lab.get("b.txt")).toBe("b\n");
    const unknown = { kind: "files" as const, paths: ["b.txt", "no/such", "../a.txt", "--all"] };
    expect(await lab.merge(session, { choice: unknown })).toMatchObject({ kind: "refused", code: "unknown-path" });
  }));

test("a repository without a commit, and one with longer ids", async () => {
  await withLab(
    async (lab) => {
      const session = workIn(lab, "fix", (agent) => agent.commit({ "a.txt": "x\n" }));
      expect(await lab.merge(session)).toMatchObject({ kind: "merged", how: "fast-forward", head: session.tip });
      expect(lab.git("status", "--porcelain")).toBe("");
    },
    { empty: true },
  );
  await withLab(
    async (lab) => {
      const session = workIn(lab, "fix", (agent) => agent.commit({ "a.txt": "x\n" }));
      lab.commit({ "b.txt": "host\n" });
      expect(await lab.merge(session)).toMatchObject({ kind: "merged", how: "merge" });
      const other = workIn(lab, "two", (agent) => agent.commit({ "c.txt": "c\n", "d.txt": "d\n" }));
      expect(await lab.merge(other, { choice: { kind: "files", paths: ["d.txt"] } })).toMatchObject({ kind: "merged" });
      expect(lab.git("status", "--porcelain")).toBe("");
    },
    { format: "sha256" },
  );
});
