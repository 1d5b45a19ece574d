import { expect } from "bun:test";
import type { Check } from "../conformance.ts";
import type { Result, World } from "./world.ts";

/** With the limit the script runs; without control groups the limit is refused by its name, and nothing starts. */
const limited = async (
  { inside, limits }: World,
  limit: string,
  flags: string[],
  script: string,
): Promise<Result | undefined> => {
  const result = await inside(`echo started; ${script}`, flags, { mayRefuse: true });
  if (limits) {
    expect(result.stdout).toStartWith("started\n");
    return result;
  }
  expect(result).toMatchObject({ code: 125, stdout: "" });
  expect(result.stderr).toMatch(new RegExp(`^error: .*cannot enforce limit-${limit}\nhint: `));
  return undefined;
};

/** Limits hold, or are refused by name. */
export const limitChecks: Check[] = [
  {
    name: "--pids bounds the number of processes",
    does: async (world) => {
      const forks = "for i in $(seq 300); do sleep 600 & done; echo all of them";
      const result = await limited(world, "pids", ["--pids", "80"], forks);
      if (result) expect(result.stdout).not.toContain("all of them");
    },
  },
  {
    name: "--memory ends what takes more, and cordon says out of memory",
    does: async (world) => {
      const hog = "head -c 400m /dev/zero | tail > /dev/null; exit $?";
      const result = await limited(world, "memoryBytes", ["--memory", "100m"], hog);
      if (result)
        expect(result).toMatchObject({
          code: 137,
          stderr: expect.stringContaining("out of memory: the limit is 100 MiB"),
        });
    },
  },
  {
    name: "--cpus bounds the processor time in a second of the clock",
    does: async (world) => {
      const spin = "timeout 1.5 sh -c 'while :; do :; done'; cat /proc/$$/stat";
      const result = await limited(world, "cpus", ["--cpus", "0.2"], spin);
      if (!result) return;
      // Fields 16 and 17 of /proc/PID/stat (proc(5)): time of the waited-for children, in hundredths of a second.
      const fields = result.stdout.slice(result.stdout.lastIndexOf(")") + 2).split(" ");
      expect(Number(fields[13]) + Number(fields[14])).toBeLessThan(75);
      expect(Number(fields[13]) + Number(fields[14])).toBeGreaterThan(5);
    },
  },
  {
    name: "--disk bounds every private directory",
    does: async ({ inside }) => {
      for (const place of ["/tmp", "/var/tmp", "/dev/shm", "$HOME", "/run/user/$(id -u)"]) {
        const { stderr, code } = await inside(`head -c 20m /dev/zero > "${place}/large"`, ["--disk", "8m"]);
        expect({ place, code, stderr }).toEqual({
          place,
          code: 1,
          stderr: expect.stringContaining("No space left on device"),
        });
        expect((await inside(`head -c 4m /dev/zero > "${place}/large"`, ["--disk", "8m"])).code).toBe(0);
      }
    },
  },
];
