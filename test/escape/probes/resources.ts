import { spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { breached, type Facts, failed, held, judge, type Probe, skipped } from "../facts.ts";
import { attempt, describeWritable, listNames } from "../reach.ts";

const MEBIBYTE = 1024 * 1024;
const noLimits = skipped("no limits were asked for");

/** Writes until the bound; undefined if the file system refused before. */
function fill(dir: string, facts: Facts): string | undefined {
  const path = join(dir, `escape-fill-${facts.token}`);
  const block = Buffer.alloc(MEBIBYTE, 1);
  const filled = attempt(() => {
    const fd = openSync(path, "w");
    try {
      for (let written = 0; written < facts.bounds.megabytes; written++) {
        if (writeSync(fd, block) < block.length) return undefined;
      }
      return `${facts.bounds.megabytes} MiB written to ${dir}`;
    } finally {
      closeSync(fd);
    }
  });
  attempt(() => rmSync(path, { force: true }));
  return filled;
}

const inodeDirectory = (facts: Facts): string => `/tmp/escape-inodes-${facts.token}`;

export const resourceProbes: Probe[] = [
  {
    id: "RS-01",
    attack: "fork bomb",
    alone: true,
    attempt(facts) {
      if (!facts.limits) return noLimits;
      // The shell leaves its loop at the first fork that fails; the sleepers end with the sandbox.
      const script = "trap 'echo $i' EXIT; i=0; while [ $i -lt \"$1\" ]; do sleep 60 >&- 2>&- & i=$((i+1)); done";
      const shell = spawnSync("sh", ["-c", script, "sh", `${facts.bounds.processes}`], { encoding: "utf8" });
      const started = Number(shell.stdout.trim());
      if (!(started > 0)) return failed(`the shell started nothing: ${shell.stderr}`);
      return started >= facts.bounds.processes ? breached(`${started} processes`) : held(`${started} processes`);
    },
  },
  {
    id: "RS-02",
    attack: "memory bomb",
    alone: true,
    mayDie: true,
    attempt(facts) {
      if (!facts.limits) return noLimits;
      const code = `const kept = []; for (let i = 0; i < ${facts.bounds.megabytes}; i++) kept.push(Buffer.alloc(${MEBIBYTE}, 1));`;
      const { status } = spawnSync(process.execPath, ["-e", code], { stdio: "ignore" });
      return status === 0 ? breached(`${facts.bounds.megabytes} MiB allocated`) : held();
    },
  },
  {
    id: "RS-03",
    attack: "fill the private directories in memory",
    alone: true,
    attempt: (facts) =>
      facts.limits ? judge(["/tmp", "/dev/shm", facts.home].map((dir) => fill(dir, facts))) : noLimits,
  },
  {
    id: "RS-04",
    attack: "fill the file table",
    alone: true,
    mayDie: true,
    attempt(facts) {
      if (!facts.limits) return noLimits;
      const dir = inodeDirectory(facts);
      mkdirSync(dir);
      let made = 0;
      while (made < facts.bounds.inodes && attempt(() => closeSync(openSync(join(dir, `${made}`), "w")) ?? true))
        made++;
      return held(`${made} files made; judged on the host`);
    },
    inspect(facts) {
      const remains = existsSync(inodeDirectory(facts));
      rmSync(inodeDirectory(facts), { recursive: true, force: true });
      return remains ? "the files are on the host" : undefined;
    },
  },
  {
    id: "RS-05",
    attack: "output flood",
    attempt: () => skipped("what the program outside does with it is measured by the terminal's own tests"),
  },
  {
    id: "X-09",
    attack: "leave the own limits through the control group files",
    attempt: () =>
      judge(
        ["/sys/fs/cgroup", ...listNames("/sys/fs/cgroup").map((name) => `/sys/fs/cgroup/${name}`)].map((dir) =>
          describeWritable(join(dir, "cgroup.procs")),
        ),
      ),
  },
];
