import {
  copyFileSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { breached, type Facts, held, judge, type Probe } from "../facts.ts";
import { attempt, findCanary, listPids } from "../reach.ts";
import { connectUnix } from "../syscall.ts";

const marker = (facts: Facts): string => `escape marker ${facts.token}`;
const hasMarker = (facts: Facts, path: string): boolean =>
  attempt(() => readFileSync(path, "utf8"))?.includes(marker(facts)) ?? false;

/** Host side: which of these files carry this run's marker. */
const findMarked = (facts: Facts, paths: string[]): string | undefined => {
  const marked = paths.filter((path) => hasMarker(facts, path));
  return marked.length > 0 ? `reached the host: ${marked.join(", ")}` : undefined;
};

function writeMarker(facts: Facts, path: string): void {
  attempt(() => mkdirSync(dirname(path), { recursive: true }));
  attempt(() => writeFileSync(path, `# ${marker(facts)}\n`, { flag: "a" }));
}

const sharedFiles = (facts: Facts): string[] => facts.shared.map((dir) => join(dir, `escape-write-${facts.token}`));
const siblings = (facts: Facts): string[] => [
  join(dirname(facts.workspace), `escape-sibling-${facts.token}`),
  join(facts.home, `escape-cwd-${facts.token}`),
];

const stateDirectories = (facts: Facts): string[] =>
  [".config/cordon", ".local/state/cordon"].map((dir) => join(facts.home, dir));

export const fileProbes: Probe[] = [
  {
    id: "FS-01",
    attack: "read the usual secret stores",
    attempt: (facts) => judge(facts.secrets.map((path) => findCanary(facts, path))),
  },
  {
    id: "FS-02",
    attack: "read them through aliases of their path",
    attempt(facts) {
      const roots = listPids().flatMap((pid) => [`/proc/${pid}/root`, `/proc/${pid}/cwd/${"../".repeat(20)}`]);
      const prefixes = ["/proc/self/root", "/proc/thread-self/root", "/", "/.", "/proc/self/cwd/../..", ...roots];
      return judge(facts.secrets.flatMap((path) => prefixes.map((prefix) => findCanary(facts, `${prefix}${path}`))));
    },
  },
  {
    id: "FS-06",
    attack: "read a file that the policy hides inside of the workspace",
    attempt(facts) {
      const [moved, linked] = ["moved", "linked"].map((name) => join(facts.workspace, `escape-${name}`)) as [
        string,
        string,
      ];
      return judge(
        facts.hidden.flatMap((file) => [
          findCanary(facts, file),
          findCanary(facts, `/proc/self/root${file}`),
          attempt(() => linkSync(file, linked)) ?? findCanary(facts, linked),
          ...[file, dirname(file)].map((entry) => {
            if (entry === facts.workspace || attempt(() => renameSync(entry, moved) ?? true) === undefined)
              return undefined;
            const found = findCanary(facts, entry === file ? moved : join(moved, basename(file)));
            renameSync(moved, entry);
            return found;
          }),
          attempt(() => rmSync(file)) ?? findCanary(facts, file),
        ]),
      );
    },
  },
  {
    id: "FS-07",
    attack: "write what the host runs later: rc files, autostart, PATH, /etc",
    attempt(facts) {
      for (const path of facts.outside) writeMarker(facts, path);
      return held("judged on the host");
    },
    inspect: (facts) => findMarked(facts, facts.outside),
  },
  {
    id: "FS-09",
    attack: "hard link or clone a protected file into the workspace",
    attempt(facts) {
      const COPYFILE_FICLONE_FORCE = 4;
      return judge(
        facts.secrets.flatMap((secret, index) => {
          const target = join(facts.workspace, `escape-link-${index}`);
          const ways = [
            () => linkSync(secret, target),
            () => linkSync(`/proc/self/root${secret}`, target),
            () => copyFileSync(secret, target, COPYFILE_FICLONE_FORCE),
          ];
          return ways.map((way) => {
            attempt(way);
            const found = findCanary(facts, target);
            rmSync(target, { force: true });
            return found;
          });
        }),
      );
    },
  },
  {
    id: "FS-11",
    alone: true,
    attack: "move the parent of a protected path away and rebuild it",
    attempt(facts) {
      for (const path of facts.secrets) {
        const parent = dirname(path);
        attempt(() => renameSync(parent, `${parent}-moved`));
        writeMarker(facts, join(parent, `escape-${basename(path)}`));
      }
      return held("judged on the host");
    },
    inspect(facts) {
      const rebuilt = facts.secrets.map((path) => join(dirname(path), `escape-${basename(path)}`));
      return findMarked(facts, rebuilt);
    },
  },
  {
    id: "FS-21",
    attack: "read and write the directories that all programs share: /tmp, /var/tmp, /dev/shm, /run",
    attempt(facts) {
      for (const path of sharedFiles(facts)) writeMarker(facts, path);
      return judge(facts.shared.map((dir) => findCanary(facts, join(dir, `escape-canary-${facts.token}`))));
    },
    inspect: (facts) => findMarked(facts, sharedFiles(facts)),
  },
  {
    id: "CF-14",
    attack: "read or forge the program's own state, trust and control socket",
    attempt(facts) {
      for (const dir of stateDirectories(facts)) writeMarker(facts, join(dir, "escape-trust"));
      const reads = stateDirectories(facts).map((dir) => findCanary(facts, join(dir, "escape-secret")));
      return judge([...reads, ...(facts.sockets["CF-14"] ?? []).map((path) => connectUnix(path) === "" && path)]);
    },
    inspect: (facts) =>
      findMarked(
        facts,
        stateDirectories(facts).map((dir) => join(dir, "escape-trust")),
      ),
  },
  {
    id: "CF-20",
    attack: "widen the writable root by changing or replacing the working directory",
    attempt(facts) {
      const link = join(facts.workspace, `escape-link-${facts.token}`);
      attempt(() => symlinkSync(facts.home, link));
      writeMarker(facts, join(link, `escape-cwd-${facts.token}`));
      attempt(() => process.chdir(dirname(facts.workspace)));
      attempt(() => writeFileSync(`escape-sibling-${facts.token}`, marker(facts)));
      attempt(() => process.chdir(facts.workspace));
      rmSync(link, { force: true });
      return attempt(() => renameSync(facts.workspace, `${facts.workspace}-moved`)) === undefined &&
        findCanary(facts, facts.control)
        ? held("judged on the host")
        : breached("the workspace itself was moved away");
    },
    inspect: (facts) => findMarked(facts, siblings(facts)),
  },
];
