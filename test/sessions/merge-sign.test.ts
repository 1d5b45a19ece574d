import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { type Lab, lines, stateOf, withLab, workIn } from "./merge-lab.ts";

/** Signatures and identity: the user's own, and only where the merge makes a commit. */

const useKey = (lab: Lab, { isAsked = true, scope = "--global" } = {}) => {
  const key = lab.at("home/key");
  const done = spawnSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", key]);
  expect(done.status).toBe(0);
  fs.writeFileSync(lab.at("home/signers"), `ada@example.org ${fs.readFileSync(`${key}.pub`, "utf8")}`);
  lab.git("config", "--global", "gpg.ssh.allowedSignersFile", lab.at("home/signers"));
  lab.git("config", scope, "gpg.format", "ssh");
  lab.git("config", scope, "user.signingkey", "~/key.pub");
  if (isAsked) lab.git("config", scope, "commit.gpgsign", "true");
};

const isSigned = (lab: Lab, commit: string): boolean => lab.tryIn(lab.top, ["verify-commit", commit]).code === 0;

/** The tests' own commits are made without. */
const before = (lab: Lab) =>
  workIn(lab, "fix", (agent) => {
    agent.commit({ "a.txt": lines("a", { 0: "agent" }) }, "first");
    agent.commit({ "n.txt": "n\n" }, "second\n\nFixes: 1");
  });

test("a user who signs gets the commits signed, with their author", () =>
  withLab(async (lab) => {
    const session = before(lab);
    const start = lab.git("rev-parse", "HEAD");
    useKey(lab);
    expect(await lab.merge(session)).toMatchObject({ kind: "merged", how: "signed", commits: 2, files: 2 });
    expect(lab.git("rev-parse", "HEAD~2")).toBe(start);
    expect([isSigned(lab, "HEAD"), isSigned(lab, "HEAD~1"), isSigned(lab, start)]).toEqual([true, true, false]);
    expect(lab.git("log", "-2", "--format=%s %an %cn")).toBe("second Agent Ada\nfirst Agent Ada");
    expect(lab.git("log", "-1", "--format=%B").trim()).toBe("second\n\nFixes: 1\nCordon-Session: fix (claude)");
    expect(lab.git("rev-parse", "HEAD^{tree}")).toBe(lab.git("rev-parse", `${session.tip}^{tree}`));
    expect(lab.git("status", "--porcelain")).toBe("");
    // Other ids, the same work: there is nothing more to take.
    expect(await lab.merge(session)).toEqual({ kind: "nothing" });
  }));

test("as asked for, whatever git is told to do by itself", async () => {
  await withLab(async (lab) => {
    const session = before(lab);
    useKey(lab, { isAsked: false, scope: "--local" });
    // What the user's environment says to git is about another repository.
    const env = {
      ...lab.env,
      GIT_DIR: lab.at("nowhere"),
      GIT_WORK_TREE: lab.at("nowhere"),
      GIT_INDEX_FILE: lab.at("no"),
    };
    expect(await lab.merge(session, { sign: true, squash: true, host: { ...lab.host, env } })).toMatchObject({
      how: "squash",
    });
    expect(isSigned(lab, "HEAD")).toBe(true);
  });
  await withLab(async (lab) => {
    const session = before(lab);
    useKey(lab);
    expect(await lab.merge(session, { sign: false })).toMatchObject({ how: "fast-forward", head: session.tip });
  });
});

test("merges and chosen commits are signed too", () =>
  withLab(async (lab) => {
    const session = before(lab);
    lab.commit({ "b.txt": "host\n" });
    useKey(lab);
    const choice = { kind: "commits" as const, ids: [session.tip] };
    expect(await lab.merge(session, { choice })).toMatchObject({ how: "commits", commits: 1 });
    expect(isSigned(lab, "HEAD")).toBe(true);
    expect(await lab.merge(session)).toMatchObject({ how: "merge" });
    expect(isSigned(lab, "HEAD")).toBe(true);
  }));

test("when signing fails nothing has happened", () =>
  withLab(async (lab) => {
    const session = before(lab);
    const trap = lab.at("home/fail");
    fs.writeFileSync(trap, "#!/bin/sh\necho 'no key today' >&2\nexit 1\n", { mode: 0o755 });
    lab.git("config", "--global", "commit.gpgsign", "true");
    lab.git("config", "--global", "gpg.program", trap);
    const state = stateOf(lab);
    expect(await lab.merge(session)).toMatchObject({ kind: "refused", code: "signing" });
    expect(await lab.merge(session, { squash: true })).toMatchObject({ kind: "refused", code: "signing" });
    expect(stateOf(lab)).toBe(state);
  }));

test("what signs is not something that lies in the project", () =>
  withLab(async (lab) => {
    const session = before(lab);
    const trace = lab.at("trace");
    for (const name of ["tools/gpg", "tools/sign"]) lab.put(name, `#!/bin/sh\ntouch ${trace}\nexit 1\n`, 0o755);
    lab.put(".git/info/exclude", "tools\n");
    lab.git("config", "--global", "commit.gpgsign", "true");
    const env = { ...lab.env, PATH: `${lab.top}/tools:tools:.:${lab.env.PATH}` };
    expect(await lab.merge(session, { host: { ...lab.host, env } })).toMatchObject({ code: "signing" });
    lab.git("config", "--global", "gpg.program", path.join(lab.top, "tools/sign"));
    expect(await lab.merge(session)).toMatchObject({ kind: "refused", code: "signing" });
    expect(fs.existsSync(trace)).toBe(false);
    // The same program at another place would have been run.
    fs.copyFileSync(path.join(lab.top, "tools/sign"), lab.at("home/sign"));
    lab.git("config", "--global", "gpg.program", lab.at("home/sign"));
    expect(await lab.merge(session)).toMatchObject({ kind: "refused", code: "signing" });
    expect(fs.existsSync(trace)).toBe(true);
  }));

test("nobody is nobody: only what needs no name goes on", () =>
  withLab(async (lab) => {
    const session = before(lab);
    fs.rmSync(lab.at("home/.gitconfig"));
    const state = stateOf(lab);
    const refused = await lab.merge(session, { squash: true });
    expect(refused).toMatchObject({ kind: "refused", code: "identity" });
    expect((refused as { hint: string }).hint).toContain("git config --global user.name");
    expect(stateOf(lab)).toBe(state);
    lab.git("config", "author.name", "Repo");
    lab.git("config", "author.email", "repo@example.org");
    lab.git("config", "committer.name", "Carl");
    lab.git("config", "committer.email", "carl@example.org");
    expect(await lab.merge(session, { squash: true })).toMatchObject({ how: "squash" });
    expect(lab.git("log", "-1", "--format=%an %ae %cn")).toBe("Repo repo@example.org Carl");
  }));

test("a fast-forward needs no name", () =>
  withLab(async (lab) => {
    const session = before(lab);
    fs.rmSync(lab.at("home/.gitconfig"));
    expect(await lab.merge(session)).toMatchObject({ how: "fast-forward" });
  }));
