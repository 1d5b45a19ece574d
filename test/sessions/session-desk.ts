import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { bubblewrap } from "../../src/backends/bubblewrap.ts";
import { captureWith } from "../../src/doctor/capture.ts";
import { planProbe } from "../../src/doctor/sandbox.ts";
import type { Host } from "../../src/host.ts";
import { placesOf } from "../../src/places.ts";
import type { Mount, Plan } from "../../src/plan/plan.ts";
import { type Collection, collectSession } from "../../src/sessions/collect.ts";
import { type CreatedSession, createSession } from "../../src/sessions/creation.ts";
import { partsOf, type Session, sessionPlace } from "../../src/sessions/record.ts";
import { findNested } from "../../src/workspace/nested.ts";
import { openPrivateGit } from "../../src/workspace/private-git.ts";
import { readRepository } from "../../src/workspace/repository.ts";

/** A project of a user, sessions of it, and a real sandbox in which something works on one. */

const searchPath = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";
export const gitPath = spawnSync("sh", ["-c", "command -v git"]).stdout.toString().trim();

export type Desk = ReturnType<typeof makeDesk>;
export type DeskOptions = { hasGit?: boolean; format?: "sha1" | "sha256" };

/** A repository with `a.txt`, `dir/b.txt` and a `.gitignore` of `ignored`, or the same files without git. */
export const makeDesk = (root: string, { hasGit = true, format = "sha1" }: DeskOptions = {}) => {
  const at = (...names: string[]) => path.join(root, ...names);
  const project = at("project");
  for (const name of ["home", "project"]) fs.mkdirSync(at(name), { recursive: true });
  const env = {
    ...{ PATH: searchPath, LC_ALL: "C", HOME: at("home"), GIT_CONFIG_NOSYSTEM: "1" },
    ...identity("Ada"),
  };
  const git = (...args: string[]): string => {
    const done = spawnSync(gitPath, args, { cwd: project, env, timeout: 60_000, maxBuffer: 256 * 1024 * 1024 });
    if (done.status !== 0) throw new Error(`git ${args.join(" ")}: ${done.stderr}`);
    return done.stdout.toString().trimEnd();
  };
  const put = (name: string, text: string | Buffer) => {
    fs.mkdirSync(path.dirname(path.join(project, name)), { recursive: true });
    fs.writeFileSync(path.join(project, name), text);
  };
  const get = (name: string): string => fs.readFileSync(path.join(project, name), "utf8");
  put("a.txt", "a\n");
  put("dir/b.txt", "b\n");
  put(".gitignore", "ignored\n");
  if (hasGit) {
    git("init", "-q", "-b", "main", `--object-format=${format}`);
    git("add", "-A");
    git("commit", "-qm", "first");
  }
  const host = hostOf(at("home"), project);
  const repositoryOf = () => readRepository(project);
  const create = (name: string, workspace: Session["workspace"] = "overlay"): Promise<CreatedSession> =>
    createSession({ host, project, repository: repositoryOf(), name, agent: "claude", workspace });
  const collect = (session: Session, more: Partial<Parameters<typeof collectSession>[0]> = {}): Promise<Collection> =>
    collectSession({ host, session, repository: repositoryOf(), ...more });
  /** Words of sh(1) in a sandbox on the session's files. Throws when they fail. */
  const work = async (session: Session, script: string): Promise<string> => {
    const { code, stdout, stderr } = await runInside(host, session, script);
    if (code !== 0) throw new Error(`inside: ${code} ${stdout}${stderr}`);
    return stdout;
  };
  /** Makes one, works in it, and collects. */
  const did = async (script: string, workspace: Session["workspace"] = "overlay", name = "one") => {
    const held = await create(name, workspace);
    await work(held.session, script);
    held.release();
    return { held, ...(await collect(held.session)) };
  };
  const shadowGit = (session: Session, ...args: string[]): string =>
    git(`--git-dir=${partsOf(sessionPlace(host, session)).shadow}`, ...args);
  return { root, at, project, env, host, git, shadowGit, put, get, create, collect, work, did, repositoryOf };
};

const identity = (name: string) => ({
  ...{ GIT_AUTHOR_NAME: name, GIT_AUTHOR_EMAIL: `${name.toLowerCase()}@example.org` },
  ...{ GIT_COMMITTER_NAME: name, GIT_COMMITTER_EMAIL: `${name.toLowerCase()}@example.org` },
});

const hostOf = (home: string, project: string): Host => ({
  ...{ platform: process.platform, arch: process.arch, uid: process.getuid!(), gid: process.getgid!() },
  ...{ home, realHome: home, cwd: project, project },
  env: { HOME: home, PATH: searchPath },
  tty: { stdin: false, stdout: false, stderr: false },
  places: placesOf({ XDG_RUNTIME_DIR: path.join(home, "rt") }, home, process.getuid!()),
  executable: process.execPath,
});

const runInside = async (host: Host, session: Session, script: string) => {
  const { project } = session;
  const { git: store, room, tree } = partsOf(sessionPlace(host, session));
  const repository = readRepository(project);
  const nested = findNested(project, undefined).paths;
  const asked = { project: { top: project, nested, repository }, store, git: gitPath, id: session.id, isFixed: true };
  const opened = session.hasGit ? await openPrivateGit(asked) : undefined;
  const files: Mount =
    session.workspace === "overlay"
      ? { kind: "overlay", target: project, lower: project, room, mode: "rw", origin: "session" }
      : { kind: "workspace", source: tree, target: project, mode: "rw", origin: "session" };
  const probe = planProbe(host, "none");
  const plan: Plan = {
    ...probe,
    command: ["/bin/sh", "-ec", script],
    workdir: project,
    mounts: [...probe.mounts, files, ...(opened?.mounts ?? [])],
    env: { ...probe.env, ...identity("Agent") },
  };
  try {
    const { main } = bubblewrap.compile(plan, bubblewrap.observe(host, plan));
    const inputs = main.fds.map((fd) => (fd.kind === "bytes" ? fd.bytes : undefined));
    return await captureWith(main.file, main.args, { env: main.env, inputs });
  } finally {
    opened?.release();
  }
};
