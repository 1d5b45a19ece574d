import type { Check } from "../backends/backend.ts";
import { isOlder } from "../backends/version.ts";
import { capture, findProgram } from "../exec.ts";
import type { Host } from "../host.ts";
import { type Distribution, installCommand } from "./distribution.ts";

/** CVE-2025-48384: the fixed release of every maintained line of git. */
const fixedGit = [
  [2, 43, 7],
  [2, 44, 4],
  [2, 45, 4],
  [2, 46, 4],
  [2, 47, 3],
  [2, 48, 2],
  [2, 49, 1],
  [2, 50, 1],
];

/** CVE-2025-31133, -52565 and -52881: the fixed release of every line of runc; older lines stay open. */
const fixedRunc = [
  [1, 2, 8],
  [1, 3, 3],
  [1, 4, 0],
];

/** CVE-2025-9074: a container reaches the engine's own interface. */
const fixedDesktop = [4, 44, 3];

/** A version as numbers, with the number of a release candidate apart; undefined when the text holds none. */
export const parseVersion = (text: string): { numbers: number[]; candidate?: number } | undefined => {
  const match = /(\d+)\.(\d+)(?:\.(\d+))?(?:[-.~]?rc[.-]?(\d+))?/.exec(text);
  if (!match) return undefined;
  const numbers = match.slice(1, 4).map((part) => Number(part ?? 0));
  return match[4] === undefined ? { numbers } : { numbers, candidate: Number(match[4]) };
};

/** Older than the fix of its own line, or of a line older than all that were fixed. */
const isUnfixed = (numbers: number[], fixes: number[][]): boolean => {
  const ownLine = fixes.find((fix) => fix[0] === numbers[0] && fix[1] === numbers[1]);
  return isOlder(numbers, ownLine ?? fixes[0]!);
};

/** Judges what `git --version` says. Pure; undefined output means that there is no git. */
export const checkGit = (output: string | undefined, distribution: Distribution, uid: number): Check => {
  const base = { name: "git", level: "advice" as const };
  const install = installCommand(distribution, "git", uid);
  if (output === undefined) return { ...base, ok: false, found: "`git` is not on PATH", fix: install };
  const version = parseVersion(output);
  if (!version) return { ...base, ok: false, found: "git does not say its version", fix: install };
  const label = version.numbers.join(".");
  if (!isUnfixed(version.numbers, fixedGit)) return { ...base, ok: true, found: label };
  return {
    ...base,
    ok: false,
    found: `${label}: CVE-2025-48384, cloning submodules of a hostile repository can run its code`,
    fix: `${install} (your distribution may have fixed this version already), or git 2.50.1 or later`,
  };
};

/** Judges what `runc --version` says. Pure. */
export const checkRunc = (output: string): Check => {
  const base = { name: "runc", level: "advice" as const };
  const version = parseVersion(output);
  if (!version)
    return { ...base, ok: false, found: "runc does not say its version", fix: "update the container engine" };
  const { numbers, candidate } = version;
  const label = `${numbers.join(".")}${candidate === undefined ? "" : `-rc.${candidate}`}`;
  // The fixes came with the third candidate of 1.4.0.
  const isEarlyCandidate = candidate !== undefined && candidate < 3 && numbers.join(".") === "1.4.0";
  const open = [
    ...(isOlder(numbers, [1, 1, 12]) ? ["CVE-2024-21626"] : []),
    ...(isEarlyCandidate || isUnfixed(numbers, fixedRunc)
      ? ["CVE-2025-31133", "CVE-2025-52565", "CVE-2025-52881"]
      : []),
  ];
  if (open.length === 0) return { ...base, ok: true, found: label };
  const fix = "update runc to 1.2.8, 1.3.3, 1.4.0 or later (your distribution may have fixed this version already)";
  return { ...base, ok: false, found: `${label}: containers can break out (${open.join(", ")})`, fix };
};

/** Judges `docker version` as asked below: the client's version, then the name of the server's platform. Pure. */
export const checkDocker = (output: string): Check => {
  const base = { name: "docker", level: "advice" as const };
  const client = parseVersion(output)?.numbers.join(".") ?? "version unknown";
  const desktop = /Docker Desktop (\S+)/.exec(output)?.[1];
  const version = desktop === undefined ? undefined : parseVersion(desktop)?.numbers;
  if (!version) return { ...base, ok: true, found: client };
  const label = `Docker Desktop ${version.join(".")}`;
  if (!isOlder(version, fixedDesktop)) return { ...base, ok: true, found: label };
  return {
    ...base,
    ok: false,
    found: `${label}: CVE-2025-9074, any container can command the engine`,
    fix: "update Docker Desktop to 4.44.3 or later",
  };
};

const dockerFormat = "{{.Client.Version}}{{if .Server}} {{.Server.Platform.Name}}{{end}}";

/** Asks git, runc and docker where they are installed. */
export const checkTools = async (host: Host, distribution: Distribution): Promise<Check[]> => {
  const ask = async (name: string, args: string[]): Promise<string | undefined> => {
    const program = findProgram(name, host.env["PATH"], host.project);
    return program === undefined ? undefined : (await capture(program, args, { timeoutMs: 5_000 })).stdout;
  };
  const [git, runc, docker] = await Promise.all([
    ask("git", ["--version"]),
    ask("runc", ["--version"]),
    ask("docker", ["version", "--format", dockerFormat]),
  ]);
  return [
    checkGit(git, distribution, host.uid),
    ...(runc === undefined ? [] : [checkRunc(runc)]),
    ...(docker === undefined ? [] : [checkDocker(docker)]),
  ];
};
