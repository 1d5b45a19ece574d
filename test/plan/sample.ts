import type { Facts, Host, PathFact } from "../../src/host.ts";
import type { PlanInput } from "../../src/plan/create.ts";
import { pathsOf } from "../../src/plan/filesystem.ts";
import type { Policy } from "../../src/policy.ts";
import { plainWorkspace } from "../../src/workspace/workspace.ts";

/** A machine that exists nowhere: every path has its kind here. */
const directories = [
  "/usr",
  "/etc",
  "/opt",
  "/home/ada/.nvm",
  "/home/ada/.local/bin",
  "/home/ada/code/app",
  "/srv/data",
];
const more = ["/home/ada/code/app/.git/hooks", "/home/ada/code/app/private", "/srv/data/open", "/etc/sudoers.d"];
const files = ["/etc/shadow", "/home/ada/code/app/.git/config", "/home/ada/code/app/.env"];
const links: Record<string, string> = {
  "/bin": "usr/bin",
  "/sbin": "usr/sbin",
  "/lib": "usr/lib",
  "/lib64": "usr/lib64",
};

const factOf = (target: string): PathFact => {
  if (links[target]) return { kind: "directory", real: `/${links[target]}`, link: links[target] };
  if (target === "/etc/resolv.conf")
    return { kind: "file", real: "/run/resolvconf/resolv.conf", link: "/run/resolvconf/resolv.conf" };
  if ([...directories, ...more].includes(target)) return { kind: "directory", real: target };
  return { kind: files.includes(target) ? "file" : "missing", real: target };
};

export const sampleHost: Host = {
  platform: "linux",
  arch: "x64",
  uid: 1000,
  gid: 1000,
  home: "/home/ada",
  realHome: "/home/ada",
  cwd: "/home/ada/code/app",
  project: "/home/ada/code/app",
  env: {
    HOME: "/home/ada",
    PATH: "/home/ada/.local/bin:/home/ada/code/app/node_modules/.bin:.:/usr/bin:/bin",
    TERM: "xterm-256color",
    LANG: "en_GB.UTF-8",
    LD_PRELOAD: "/home/ada/evil.so",
    NODE_OPTIONS: "--require /home/ada/evil.js",
    AWS_SECRET_ACCESS_KEY: "sample-secret",
    HTTPS_PROXY: "http://proxy.example:3128",
    EXTRA: "asked for",
  },
  tty: { stdin: false, stdout: false, stderr: false },
  places: {
    config: "/home/ada/.config/cordon",
    state: "/home/ada/.local/state/cordon",
    cache: "/home/ada/.cache/cordon",
    runtime: "/run/user/1000/cordon",
  },
  executable: "/home/ada/.local/bin/cordon",
};

export const samplePolicy: Policy = {
  preset: "standard",
  filesystem: {
    base: "platform",
    read: [{ value: "/srv/data/open", origin: "--allow-readonly" }],
    write: [],
    hide: [
      { value: "/srv/data", origin: "--deny-path" },
      { value: "/home/ada/code/app/.env", origin: "user config" },
      { value: "/home/ada/code/app/private", origin: "project config" },
    ],
  },
  network: {
    mode: "none",
    origin: "--net",
    allow: [],
    deny: [],
    presets: [],
    hostPorts: [],
    publish: [],
    publishAll: false,
  },
  env: { pass: [{ value: "EXTRA", origin: "env.pass" }], set: { GIVEN: "a=b c" } },
  resources: { diskBytes: 64 * 1024 ** 2, pids: 100, memoryBytes: 512 * 1024 ** 2, cpus: 1.5 },
  credentials: "share",
  widen: new Set(),
  sshKeys: [],
};

export const sampleInput = (policy: Policy = samplePolicy, host: Host = sampleHost): PlanInput => {
  const workspace = plainWorkspace(host.project).mounts;
  const given = { host, policy, workspace, listings: {}, sockets: [], extra: [] };
  const facts: Facts = Object.fromEntries(pathsOf(given).map((target) => [target, factOf(target)]));
  const bytes = (text: string) => new TextEncoder().encode(text);
  return {
    ...given,
    facts,
    id: "0badcafe",
    command: ["/usr/bin/printf", "%s", "a b", "$(id)", ""],
    agent: undefined,
    carried: [
      {
        kind: "bind",
        source: "/home/ada/.cache/cordon/projects/app",
        target: "/home/ada/.cache",
        mode: "rw",
        origin: "caches",
      },
    ],
    hostname: "machine",
    resolver: bytes("nameserver 192.0.2.1\n"),
    gitIgnore: undefined,
    gitConfig: bytes('[user]\n\tname = "Ada"\n'),
    variables: [],
    placeholders: [],
    injections: [],
    gitCredentials: [],
    served: [],
    isUnsure: false,
    requested: ["pids", "memoryBytes", "cpus"],
  };
};
