import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { dirname, join, relative } from "node:path";
import type { Facts, HostView } from "./facts.ts";
import { plantKernelObjects, plantProcesses, plantSockets } from "./plant-live.ts";
import { attempt, listNames } from "./reach.ts";

export interface Ground {
  facts: Facts;
  host: HostView;
  /** Environment of the user's shell, secrets and all, from which the sandbox is started. */
  env: Record<string, string>;
  /** Descriptors on the home directory and on a secret, as a careless parent leaves them open. */
  leaks: number[];
  /** Prefix that lowers a host command to the uid of this ground; empty if it is our own. */
  lower: string[];
  cleanup(): Promise<void>;
}

export interface GroundOptions {
  /** Directory with `bun` and `escape/`, see `prepareKit`. */
  kit: string;
  /** Runs everything as this uid; needs root. */
  uid?: number;
  facts?: Partial<Facts>;
}

const secretFiles = [
  ...[".ssh/id_ed25519", ".ssh/config", ".aws/credentials", ".netrc", ".git-credentials", ".npmrc", ".pypirc"],
  ...[".config/gh/hosts.yml", ".config/gcloud/credentials.db", ".azure/msal_token_cache.json", ".kube/config"],
  ...[".docker/config.json", ".gnupg/private-keys-v1.d/key.key", ".password-store/mail.gpg", ".vault-token"],
  ...[
    ".cargo/credentials.toml",
    ".terraform.d/credentials.tfrc.json",
    ".config/op/config",
    ".config/rclone/rclone.conf",
  ],
  ...[".bash_history", ".zsh_history", ".python_history", ".psql_history", ".node_repl_history"],
  ...[".mozilla/firefox/a.default/logins.json", ".config/google-chrome/Default/Login Data"],
  ...[".local/share/keyrings/login.keyring", ".config/Bitwarden/data.json", "neighbour/.env"],
  ...[".claude/.credentials.json", ".codex/auth.json", ".gemini/oauth_creds.json"],
];
const startupFiles = [
  ...[".bashrc", ".bash_profile", ".profile", ".zshrc", ".zshenv", ".gitconfig", ".config/fish/config.fish"],
  ...[".config/autostart/escape.desktop", ".config/systemd/user/escape.service", ".config/environment.d/escape.conf"],
  ...[".local/bin/git", "bin/git", ".ssh/authorized_keys", ".config/git/config", ".vimrc", ".tmux.conf"],
  ...[".claude/settings.json", ".codex/config.toml", ".vscode/argv.json", "neighbour/.git/hooks/post-checkout"],
];
const ownState = [".config/cordon", ".local/state/cordon", ".cache/cordon"];

/** Copies the bun executable and the probes to where any uid and any sandbox can read them. */
export function prepareKit(dir: string): string {
  const kit = join(dir, "kit");
  fs.mkdirSync(kit, { recursive: true });
  fs.copyFileSync(process.execPath, join(kit, "bun"));
  fs.chmodSync(join(kit, "bun"), 0o755);
  fs.cpSync(import.meta.dirname, join(kit, "escape"), { recursive: true });
  fs.writeFileSync(join(kit, "read-only.txt"), "as it was\n");
  return kit;
}

/** A new directory where a home could be: preferably not below /tmp, which every sandbox replaces anyway. */
export function makeBase(): string {
  const parent = ["/home", "/var/tmp", "/tmp"].find((dir) =>
    attempt(() => fs.accessSync(dir, fs.constants.W_OK) ?? true),
  );
  const base = fs.mkdtempSync(`${parent}/esc-`);
  fs.chmodSync(base, 0o755);
  return base;
}

/** The command line of a run of probes: the same inside and outside of a sandbox. */
export const probeCommand = (facts: Facts, ids: string[]): string[] => [
  join(facts.kit, "bun"),
  join(facts.kit, "escape/probe.ts"),
  JSON.stringify(facts),
  ...ids,
];

function write(path: string, text: string): string {
  fs.mkdirSync(dirname(path), { recursive: true });
  fs.writeFileSync(path, text);
  return path;
}

function listTree(dir: string, skip: string[]): string[] {
  return listNames(dir).flatMap((name) => {
    const path = join(dir, name);
    if (skip.includes(path)) return [];
    return [path, ...(fs.lstatSync(path).isDirectory() ? listTree(path, skip) : [])];
  });
}

/** A home with fake secrets, the directories that programs share, and a project. */
function plantFiles(base: string, kit: string, token: string) {
  const canary: [string, string] = ["escape-canary-", randomBytes(8).toString("hex")];
  const text = `${canary.join("")}\n`;
  const home = join(base, "user");
  const workspace = join(home, "project");
  const control = write(join(workspace, "control.txt"), text);
  const hidden = [".env", "config/keys/production.key"].map((name) => write(join(workspace, name), text));
  const secrets = secretFiles.map((name) => write(join(home, name), text));
  for (const name of [".bashrc", ".profile", ".gitconfig"]) write(join(home, name), "");
  for (const dir of ownState) write(join(home, dir, "escape-secret"), text);
  const shared = ["/tmp", "/var/tmp", "/dev/shm", "/run"].filter((dir) =>
    attempt(() => write(join(dir, `escape-canary-${token}`), text)),
  );
  const rootFiles = ["/etc/profile.d", "/etc/cron.d", "/usr/local/bin"].map((dir) => join(dir, `escape-${token}`));
  const outside = [...startupFiles.map((name) => join(home, name)), ...rootFiles];
  const strewn = shared.flatMap((dir) => ["canary", "write"].map((kind) => join(dir, `escape-${kind}-${token}`)));
  const remove = () => {
    for (const path of [base, ...rootFiles, ...strewn]) fs.rmSync(path, { recursive: true, force: true });
  };
  return { facts: { canary, token, home, workspace, kit, control, secrets, hidden, shared, outside }, text, remove };
}

/** What a user's shell carries around: paths, sockets and tokens. */
function buildEnv(home: string, runtime: string, canary: string): Record<string, string> {
  const tokens = ["AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "NPM_TOKEN", "DATABASE_URL"];
  return {
    HOME: home,
    PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
    TERM: "xterm-256color",
    SHELL: "/bin/sh",
    LANG: "C.UTF-8",
    XDG_RUNTIME_DIR: runtime,
    ...Object.fromEntries(tokens.map((name) => [name, canary])),
  };
}

/** What new files the run has left in the home, apart from the workspace and the program's own directories. */
function watchHome({ home, workspace }: { home: string; workspace: string }): () => string[] {
  const skip = [workspace, ...ownState.map((dir) => join(home, dir))];
  const before = new Set(listTree(home, skip));
  return () =>
    listTree(home, skip)
      .filter((path) => !before.has(path))
      .map((path) => relative(home, path));
}

/** A throw-away home with fake secrets, a project in it, and host processes, sockets and kernel objects around it. */
export async function plant({ kit, uid, facts: given }: GroundOptions): Promise<Ground> {
  const base = makeBase();
  const token = randomBytes(4).toString("hex");
  const runtime = join(base, "run");
  const files = plantFiles(base, kit, token);
  const { home, secrets } = files.facts;
  const canary = files.facts.canary.join("");
  const lower = uid === undefined ? [] : ["setpriv", "--reuid", `${uid}`, "--regid", `${uid}`, "--clear-groups", "--"];
  const sockets = plantSockets({ home, runtime, token });
  fs.chmodSync(runtime, 0o700);
  if (uid !== undefined) for (const path of [base, ...listTree(base, [kit])]) fs.lchownSync(path, uid, uid);
  const processes = await plantProcesses({ lower, canary });
  const kernel = plantKernelObjects({ token, text: files.text });
  const leaks = [fs.openSync(home, "r"), fs.openSync(secrets[0]!, "r")];
  const defaults = { net: "none" as const, seccomp: true, limits: false };
  const bounds = { processes: 5000, megabytes: 256, inodes: 200_000 };
  const { terminalOutput, isVictimAlive } = processes;
  const cleanup = async () => {
    for (const fd of leaks) fs.closeSync(fd);
    sockets.close();
    await processes.end();
    kernel.remove();
    files.remove();
  };
  return {
    facts: { ...files.facts, ...sockets.facts, ...processes.facts, ...kernel.facts, ...defaults, bounds, ...given },
    host: { terminalOutput, isVictimAlive, findNewcomers: watchHome(files.facts) },
    env: { ...buildEnv(home, runtime, canary), ...sockets.env },
    leaks,
    lower,
    cleanup,
  };
}
