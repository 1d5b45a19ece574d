import { expect, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { showConflicts } from "../../src/sessions/merge/conflict.ts";
import { lines, stateOf, withLab, workIn } from "./merge-lab.ts";

/** Work that does not go together: explained, and everything as it was. */

test("each conflict says what both sides did, and what to type", () =>
  withLab(async (lab) => {
    lab.commit({
      "bin.dat": "a\0b",
      "mod.txt": lines("mod"),
      "del.txt": lines("del"),
      "ren.txt": lines("ren"),
      kind: "k\n",
    });
    lab.commit({ "\x1b[31mred": lines("red") });
    const session = workIn(lab, "fix", (agent) => {
      agent.commit({
        "a.txt": lines("a", { 4: "agent" }),
        "bin.dat": "a\0agent",
        "mod.txt": lines("mod", { 1: "agent" }),
        "added.txt": "agent\n",
      });
      agent.commit({ "\x1b[31mred": lines("red", { 1: "agent" }) });
      agent.git("rm", "-q", "del.txt", "dir/c.txt");
      agent.git("mv", "ren.txt", "agent.txt");
      fs.rmSync(path.join(agent.top, "kind"));
      fs.symlinkSync("a.txt", path.join(agent.top, "kind"));
      agent.put("dir", "a file\n");
      agent.put("ok.txt", "ok\n");
    });
    lab.git("rm", "-q", "mod.txt");
    lab.git("mv", "ren.txt", "host.txt");
    lab.put("kind", "changed\n");
    lab.put("\x1b[31mred", lines("red", { 1: "host" }));
    lab.commit({
      "a.txt": lines("a", { 4: "host" }),
      "bin.dat": "a\0host",
      "del.txt": lines("del", { 1: "host" }),
      "added.txt": "host\n",
      "dir/host.txt": "h\n",
    });
    lab.put("b.txt", "dirty\n");
    const before = stateOf(lab);
    const result = await lab.merge(session);
    expect(stateOf(lab)).toBe(before);
    if (result.kind !== "conflict") throw new Error(result.kind);
    expect(Object.fromEntries(result.conflicts.map(({ path, what }) => [path, what]))).toEqual({
      "\x1b[31mred": "both changed the same lines",
      "a.txt": "both changed the same lines",
      "added.txt": "both added it, each with other text",
      "bin.dat": "both changed it, and it is no text",
      "del.txt": "changed here, deleted in the session",
      dir: "a file on one side, a directory on the other",
      kind: "of another kind on each side",
      "mod.txt": "deleted here, changed in the session",
      "ren.txt": "both gave it another name",
    });
    expect(showConflicts(result.conflicts)[0]).toBe("\\x1b[31mred: both changed the same lines");
    expect(result.hint).toContain(`git merge refs/cordon/${session.id}/tip`);
    expect(result.hint).toContain('cordon resume fix "commit everything, merge host/main and resolve the conflicts"');
    // What it says can be typed.
    lab.git("checkout", "-q", "b.txt");
    expect(lab.tryIn(lab.top, ["merge", session.ref]).code).toBe(1);
    expect(lab.git("status", "--porcelain")).toContain("UU a.txt");
    lab.git("merge", "--abort");
    const choice = { kind: "files" as const, paths: ["ok.txt"] };
    expect(await lab.merge(session, { choice })).toMatchObject({ kind: "merged", files: 1 });
  }));

test("of chosen commits and files, only these", () =>
  withLab(async (lab) => {
    const ids: string[] = [];
    const session = workIn(lab, "fix", (agent) => {
      ids.push(agent.commit({ "a.txt": lines("a", { 4: "agent" }) }));
      ids.push(agent.commit({ "n.txt": "n\n" }));
    });
    lab.commit({ "a.txt": lines("a", { 4: "host" }) });
    const before = stateOf(lab);
    const commits = await lab.merge(session, { choice: { kind: "commits", ids: [ids[0]!] } });
    expect(commits).toMatchObject({ kind: "conflict", conflicts: [{ path: "a.txt" }] });
    expect((commits as { hint: string }).hint).toContain(`git cherry-pick ${ids[0]}`);
    const files = await lab.merge(session, { choice: { kind: "files", paths: ["a.txt"] } });
    expect((files as { hint: string }).hint).toContain(`git checkout --patch ${session.ref} -- a.txt`);
    expect(stateOf(lab)).toBe(before);
    expect(await lab.merge(session, { choice: { kind: "commits", ids: [ids[1]!] } })).toMatchObject({ kind: "merged" });
  }));

test("changes of both in one file, and a file that one of them has moved", () =>
  withLab(async (lab) => {
    const session = workIn(lab, "fix", (agent) => {
      agent.git("mv", "b.txt", "moved.txt");
      agent.commit({ "a.txt": lines("a", { 0: "agent" }) });
    });
    lab.commit({ "a.txt": lines("a", { 9: "host" }), "b.txt": lines("b", { 9: "host" }) });
    expect(await lab.merge(session)).toMatchObject({ kind: "merged", how: "merge" });
    expect(lab.get("moved.txt")).toBe(lines("b", { 9: "host" }));
    expect(lab.get("a.txt")).toBe(lines("a", { 0: "agent", 9: "host" }));
  }));

test("histories that have nothing in common meet where the session began", () =>
  withLab(async (lab) => {
    const session = workIn(lab, "fix", (agent) => {
      agent.git("checkout", "-q", "--orphan", "new");
      agent.commit({ "a.txt": lines("a", { 0: "agent" }) }, "orphan");
    });
    lab.commit({ "a.txt": lines("a", { 9: "host" }) });
    expect(await lab.merge(session)).toMatchObject({ kind: "merged", how: "merge" });
    expect(lab.get("a.txt")).toBe(lines("a", { 0: "agent", 9: "host" }));
  }));
