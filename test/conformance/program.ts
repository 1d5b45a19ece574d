import { expect } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import type { Check } from "../conformance.ts";

const everyByte = Buffer.from(Array.from({ length: 256 }, (_, value) => value));
const large = Buffer.concat(Array.from({ length: 20_480 }, () => everyByte));
const odd = ["a b", "", "-x", "--", "$(id)", "`id`", "'", '"', "\\", "a\nb", "*", "é€😀", ";true", "a=b"];

/** The program's life: exit codes, streams, arguments, signals, and nothing left behind. */
export const programChecks: Check[] = [
  {
    name: "exit codes are the program's own",
    does: async ({ inside }) => {
      for (const code of [0, 1, 42, 255]) expect((await inside(`exit ${code}`)).code).toBe(code);
    },
  },
  {
    name: "a program killed by signal n exits with 128+n",
    does: async ({ inside }) => {
      for (const [signal, code] of [
        ["KILL", 137],
        ["TERM", 143],
        ["SEGV", 139],
      ] as const) {
        expect((await inside(`kill -${signal} $$`)).code).toBe(code);
      }
    },
  },
  {
    name: "a program that does not exist is 127, one that cannot be executed 126",
    does: async ({ run, write, project }) => {
      const missing = await run(["run", "--", "no-such-program-here"]);
      expect(missing).toMatchObject({ code: 127, stdout: "", stderr: expect.stringMatching(/^error: .*\nhint: /) });
      write(path.join(project, "data.txt"), "no program\n");
      const data = await run(["run", "--", "./data.txt"]);
      expect(data).toMatchObject({ code: 126, stdout: "", stderr: expect.stringMatching(/^error: /) });
    },
  },
  {
    name: "stdin is binary-safe: every byte value, five megabytes",
    does: async ({ run }) => {
      const { bytes, code } = await run(["run", "--", "cat"], { stdin: large });
      expect({ code, isEqual: bytes.equals(large) }).toEqual({ code: 0, isEqual: true });
    },
  },
  {
    name: "the end of stdin arrives",
    does: async ({ run }) => {
      expect(await run(["run", "--", "cat"])).toMatchObject({ code: 0, stdout: "" });
    },
  },
  {
    name: "stdout and stderr stay separate, and nothing is added to them",
    does: async ({ inside }) => {
      const { stdout, stderr } = await inside("echo out; echo err >&2");
      expect({ stdout, stderr }).toEqual({ stdout: "out\n", stderr: "err\n" });
    },
  },
  {
    name: "arguments arrive verbatim",
    does: async ({ run }) => {
      const { stdout } = await run(["run", "--", "printf", "<%s>\\0", ...odd]);
      expect(stdout.split("\0")).toEqual([...odd.map((word) => `<${word}>`), ""]);
    },
  },
  {
    name: "the working directory is the project, under its own path",
    does: async ({ run, project }) => {
      expect((await run(["run", "--", "pwd", "-P"])).stdout).toBe(`${project}\n`);
    },
  },
  {
    name: "SIGTERM, SIGINT and SIGHUP reach the program, and its answer is the exit code",
    does: async ({ inside }) => {
      for (const name of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
        const trap = `trap 'exit 7' ${name.slice(3)}; echo ready; while :; do sleep 0.05; done`;
        expect((await inside(trap, [], { signal: { seen: "ready", name } })).code).toBe(7);
      }
    },
  },
  {
    name: "--timeout ends the run with 124 and says so",
    does: async ({ inside }) => {
      const { code, stderr } = await inside("echo started; sleep 600", ["--timeout", "700ms"]);
      expect({ code, stderr }).toEqual({ code: 124, stderr: expect.stringContaining("--timeout") });
    },
  },
  {
    name: "a finished run leaves nothing behind, a killed one neither after the next start",
    does: async ({ inside, project, runtime }) => {
      const runs = path.join(runtime, "cordon/runs");
      const left = () => (existsSync(runs) ? readdirSync(runs) : []);
      await inside("true");
      expect({ runs: left(), project: readdirSync(project) }).toEqual({ runs: [], project: [] });
      const token = `tail-${process.pid}-${Date.now()}`;
      const killed = await inside(`sleep 600 & echo ready; wait # ${token}`, [], {
        signal: { seen: "ready", name: "SIGKILL" },
      });
      expect(killed.code).toBe(137);
      await waitUntil(() => !isRunning(token));
      await inside("true");
      expect({ runs: left(), project: readdirSync(project) }).toEqual({ runs: [], project: [] });
    },
  },
  {
    name: "--dry-run prints the launch and starts nothing",
    does: async ({ run, home, project, runtime }) => {
      const { code, stdout } = await run(["--dry-run", "run", "--", "touch", "started"]);
      const launch = JSON.parse(stdout);
      expect(code).toBe(0);
      expect(launch.main.args.slice(-2)).toEqual(["touch", "started"].with(0, expect.stringMatching(/\/touch$/)));
      expect({ project: readdirSync(project), runtime: readdirSync(runtime) }).toEqual({ project: [], runtime: [] });
      expect(existsSync(path.join(home, ".local/state/cordon"))).toBe(false);
    },
  },
];

const isRunning = (token: string): boolean =>
  readdirSync("/proc").some((pid) => /^\d+$/.test(pid) && commandLine(pid).includes(token));

const commandLine = (pid: string): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1");
  } catch {
    return "";
  }
};

const waitUntil = async (holds: () => boolean): Promise<void> => {
  const deadline = performance.now() + 20_000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error("it did not come to pass within 20 s");
    await Bun.sleep(10);
  }
};
