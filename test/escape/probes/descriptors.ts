import { chmodSync, closeSync, constants, mkdirSync, openSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { type Facts, held, judge, type Probe, readCanary } from "../facts.ts";
import { attempt, describeWritable, findCanary, listNames, listPids, readSome } from "../reach.ts";

/** Every way in which one open descriptor leads to a secret: it is one, it is a directory above one. */
function followDescriptor(facts: Facts, link: string): (string | undefined)[] {
  const status = attempt(() => statSync(link));
  if (status?.isFile()) return [findCanary(facts, link)];
  if (!status?.isDirectory()) return [];
  return facts.secrets.flatMap((secret) => [
    findCanary(facts, join(link, relative(facts.home, secret))),
    findCanary(facts, `${link}/${"../".repeat(20)}${secret}`),
  ]);
}

const readOnlyFile = (facts: Facts): string => join(facts.kit, "read-only.txt");

export const descriptorProbes: Probe[] = [
  {
    id: "FS-03",
    attack: "use descriptors that were left open on host files and directories",
    attempt(facts) {
      const links = listPids().flatMap((pid) => listNames(`/proc/${pid}/fd`).map((fd) => `/proc/${pid}/fd/${fd}`));
      return judge(links.flatMap((link) => followDescriptor(facts, link)));
    },
  },
  {
    id: "FS-18",
    attack: "overwrite the runtime that runs outside, through /proc/PID/exe",
    attempt: () => judge(listPids().map((pid) => describeWritable(`/proc/${pid}/exe`))),
  },
  {
    id: "X-01",
    attack: "read the mount list and the host's paths from the supervisor's command line and descriptors",
    attempt() {
      const words = ["--bind\0", "--ro-bind\0", "--bind-try\0", "--ro-bind-try\0", "--dev-bind\0"];
      const sources = [
        "/proc/1/cmdline",
        ...listPids().flatMap((pid) => listNames(`/proc/${pid}/fd`).map((fd) => `/proc/${pid}/fd/${fd}`)),
      ].filter((path) => path.endsWith("cmdline") || attempt(() => statSync(path))?.isFile());
      return judge(sources.map((path) => words.some((word) => readSome(path)?.includes(word)) && `mounts in ${path}`));
    },
  },
  {
    id: "X-02",
    attack: "change a file of a read-only mount through a second descriptor",
    attempt(facts) {
      const path = readOnlyFile(facts);
      const fd = openSync(path, constants.O_RDONLY);
      const again = describeWritable(`/proc/self/fd/${fd}`);
      closeSync(fd);
      return judge([
        again,
        describeWritable(path),
        attempt(() => chmodSync(path, 0o644) ?? "its mode can be changed"),
        attempt(() => writeFileSync(join(facts.kit, "planted"), "") ?? "a file can be added beside it"),
      ]);
    },
  },
  {
    id: "X-04",
    attack: "leave mount-point stubs and other litter in the home directory of the host",
    attempt(facts) {
      for (const dir of [".claude", ".codex", ".gemini", ".config/opencode"]) {
        const path = join(facts.home, dir, `escape-litter-${facts.token}`);
        attempt(() => mkdirSync(dirname(path), { recursive: true }));
        attempt(() => writeFileSync(path, ""));
      }
      return held("judged on the host");
    },
    inspect: (_facts, host) => host.findNewcomers().join(", ") || undefined,
  },
  {
    id: "FS-04",
    attack: "find secrets in the environment of any visible process",
    attempt: (facts) => judge(listPids().map((pid) => findCanary(facts, `/proc/${pid}/environ`))),
  },
  {
    id: "FS-05",
    attack: "read environment, arguments and memory of host processes",
    attempt(facts) {
      const proc = `/proc/${facts.victim}`;
      const isVictim = attempt(() => readFileSync(`${proc}/cmdline`, "latin1"))?.includes(readCanary(facts));
      const others = listPids().map((pid) => findCanary(facts, `/proc/${pid}/cmdline`));
      return judge([...others, isVictim && readSome(`${proc}/maps`) && `${proc}/maps can be read`]);
    },
  },
];
