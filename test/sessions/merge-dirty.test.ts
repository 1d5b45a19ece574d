import { expect, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { type Lab, type LabSession, lines, stateOf, withLab, workIn } from "./merge-lab.ts";

/** Sessions that began with changes which the user had not committed. */

const dirty = lines("a", { 2: "mine" });
const built = lines("a", { 2: "mine", 3: "agent" });

const refused = async (lab: Lab, session: LabSession, expected: object, more = {}) => {
  const before = stateOf(lab);
  expect(await lab.merge(session, more)).toMatchObject({ kind: "refused", ...expected });
  expect(stateOf(lab)).toBe(before);
};

/** The user has a changed, an untracked and another changed file; the agent goes on with the first two. */
const begin = (lab: Lab): LabSession => {
  lab.put("a.txt", dirty);
  lab.put("new.txt", "mine\n");
  lab.put("b.txt", "mine, and nobody else's\n");
  return workIn(lab, "fix", (agent) => {
    agent.put("a.txt", built);
    agent.put("new.txt", "mine\nagent\n");
  });
};

test("what the session has built upon is replaced, the rest stays as it is", () =>
  withLab(async (lab) => {
    const session = begin(lab);
    expect(await lab.merge(session)).toMatchObject({ kind: "merged", how: "fast-forward", files: 2 });
    expect([lab.get("a.txt"), lab.get("new.txt")]).toEqual([built, "mine\nagent\n"]);
    expect(lab.git("status", "--porcelain")).toBe(" M b.txt");
    expect(lab.git("show", "HEAD:b.txt")).toBe(lines("b").trimEnd());
  }));

test("edited further: the user's", () =>
  withLab(async (lab) => {
    const session = begin(lab);
    lab.put("a.txt", `${dirty}more\n`);
    await refused(lab, session, { code: "local-changes", paths: ["a.txt"] });
    lab.put("a.txt", dirty);
    lab.put("new.txt", "mine, again\n");
    await refused(lab, session, { code: "untracked", paths: ["new.txt"] });
  }));

test("committed meanwhile: the session's lines come on top, without a conflict", () =>
  withLab(async (lab) => {
    const session = begin(lab);
    lab.git("add", "-A");
    lab.git("commit", "-qm", "mine");
    expect(await lab.merge(session)).toMatchObject({ kind: "merged", how: "merge", files: 2 });
    expect([lab.get("a.txt"), lab.get("new.txt")]).toEqual([built, "mine\nagent\n"]);
    expect(lab.get("b.txt")).toBe("mine, and nobody else's\n");
    expect(lab.git("status", "--porcelain")).toBe("");
  }));

test("committed meanwhile, and files or commits are chosen", () =>
  withLab(async (lab) => {
    const session = begin(lab);
    lab.git("add", "-A");
    lab.git("commit", "-qm", "mine");
    expect(await lab.merge(session, { choice: { kind: "files", paths: ["new.txt"] } })).toMatchObject({
      kind: "merged",
    });
    expect([lab.get("a.txt"), lab.get("new.txt")]).toEqual([dirty, "mine\nagent\n"]);
    const choice = { kind: "commits" as const, ids: [session.tip] };
    expect(await lab.merge(session, { choice })).toMatchObject({ kind: "merged", files: 1 });
    expect(lab.get("a.txt")).toBe(built);
  }));

test("given up meanwhile: the branch gets what the session made", () =>
  withLab(async (lab) => {
    const session = begin(lab);
    lab.git("checkout", "-q", "a.txt");
    fs.rmSync(path.join(lab.top, "new.txt"));
    expect(await lab.merge(session)).toMatchObject({ kind: "merged", how: "fast-forward" });
    expect(lab.get("a.txt")).toBe(built);
  }));

test("staged at the start: unstaged first, then it is as changed as any", () =>
  withLab(async (lab) => {
    lab.put("a.txt", dirty);
    lab.git("add", "a.txt");
    const session = workIn(lab, "fix", (agent) => agent.put("a.txt", built));
    await refused(lab, session, { code: "staged", paths: ["a.txt"] });
    lab.git("restore", "--staged", "a.txt");
    expect(await lab.merge(session)).toMatchObject({ kind: "merged" });
    expect(lab.get("a.txt")).toBe(built);
  }));

test("a result that never knew of the user's lines does not replace them", () =>
  withLab(async (lab) => {
    lab.put("a.txt", dirty);
    const session = workIn(lab, "fix", (agent) => {
      agent.commit({ "a.txt": lines("a", { 8: "agent" }) }, "without the user's line");
      agent.put("a.txt", lines("a", { 2: "mine", 8: "agent" }));
    });
    const choice = { kind: "commits" as const, ids: [lab.git("rev-parse", `${session.tip}~1`)] };
    await refused(lab, session, { code: "local-changes", paths: ["a.txt"] }, { choice });
    expect(await lab.merge(session)).toMatchObject({ kind: "merged", how: "fast-forward" });
    expect(lab.get("a.txt")).toBe(lines("a", { 2: "mine", 8: "agent" }));
  }));

test("what the session put aside stays on the host", () =>
  withLab(async (lab) => {
    lab.put("a.txt", dirty);
    const session = workIn(lab, "fix", (agent) => agent.commit({ "a.txt": lines("a", { 8: "agent" }) }));
    await refused(lab, session, { code: "local-changes", paths: ["a.txt"] });
    expect(lab.get("a.txt")).toBe(dirty);
  }));

test("the same lines, rewritten by the session that saw them", () =>
  withLab(async (lab) => {
    lab.put("a.txt", dirty);
    const session = workIn(lab, "fix", (agent) => agent.put("a.txt", lines("a", { 2: "better" })));
    expect(await lab.merge(session)).toMatchObject({ kind: "merged" });
    expect(lab.get("a.txt")).toBe(lines("a", { 2: "better" }));
  }));

test("deleted on the host at the start, and brought back by the session", () =>
  withLab(async (lab) => {
    fs.rmSync(path.join(lab.top, "a.txt"));
    fs.chmodSync(path.join(lab.top, "b.txt"), 0o755);
    const session = workIn(lab, "fix", (agent) => {
      agent.put("a.txt", "again\n");
      agent.put("b.txt", "agent\n", 0o755);
    });
    expect(await lab.merge(session)).toMatchObject({ kind: "merged", files: 2 });
    expect(lab.get("a.txt")).toBe("again\n");
    expect(lab.git("status", "--porcelain")).toBe("");
  }));

test("a repository without a commit, with files that the session has changed", () =>
  withLab(
    async (lab) => {
      lab.put("a.txt", dirty);
      lab.put("b.txt", "mine\n");
      const session = workIn(lab, "fix", (agent) => agent.commit({ "a.txt": built }));
      expect(await lab.merge(session)).toMatchObject({ kind: "merged", how: "fast-forward", files: 1 });
      expect(lab.get("a.txt")).toBe(built);
      expect(lab.git("status", "--porcelain")).toBe("?? b.txt");
    },
    { empty: true },
  ));
