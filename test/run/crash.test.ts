import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { createLab, type Lab, processesWith, users } from "./lab.ts";

setDefaultTimeout(240_000);

const rounds = 25;
/** Longer than a start takes, so that every phase is hit. */
const longestMs = 90;
const hierarchies = ["/sys/fs/cgroup", "/sys/fs/cgroup/pids", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/cpu"];

const groupsOf = (ids: string[]): string[] =>
  hierarchies
    .filter((directory) => fs.existsSync(directory))
    .flatMap((directory) => fs.readdirSync(directory))
    .filter((name) => ids.some((id) => name === `cordon-${id}`));

for (const { name, uid } of users) {
  describe(`kill -9 at any moment, as ${name}`, () => {
    let lab: Lab;
    beforeEach(() => {
      lab = createLab(uid);
    });
    afterEach(() => lab.close());
    const limits = uid === 0 ? [[], ["--pids", "64"]] : [[]];

    for (const options of limits) {
      test(`leaves nothing after the next clean ${options.join(" ")}`, async () => {
        const known = new Set<string>();
        const note = () => {
          for (const id of fs.existsSync(lab.runs) ? fs.readdirSync(lab.runs) : []) known.add(id);
        };
        const mounts = fs.readFileSync("/proc/self/mounts", "utf8");
        for (let round = 0; round < rounds; round++) {
          const started = lab.launch(["run", ...options, "--", "sh", "-c", "while :; do sleep 1; done"]);
          await Bun.sleep((longestMs * round) / rounds);
          process.kill(started.pid, "SIGKILL");
          await started.ended;
          note();
        }
        expect(known.size).toBeGreaterThan(3);
        expect(lab.cordon(["clean"]).code).toBe(0);
        expect(fs.readdirSync(lab.runs)).toEqual([]);
        // What was killed may take a moment to be gone from a busy machine.
        for (let turn = 0; turn < 40 && processesWith(lab.directory).length > 0; turn++) await Bun.sleep(50);
        expect(processesWith(lab.directory)).toEqual([]);
        expect(groupsOf([...known])).toEqual([]);
        expect(fs.readFileSync("/proc/self/mounts", "utf8")).toBe(mounts);
        expect(fs.readdirSync(path.join(lab.at("runtime"), "cordon"))).toEqual(["runs"]);
      });
    }

    test("the next start clears away as well", async () => {
      const { pid, ended } = await lab.start("sleep 600");
      process.kill(pid, "SIGKILL");
      await ended;
      expect(lab.cordon(["run", "true"]).code).toBe(0);
      expect(fs.readdirSync(lab.runs)).toEqual([]);
    });

    test("a sandbox that outlived its cordon is ended", async () => {
      const { id, ended } = await lab.start("sleep 600");
      expect(processesWith(lab.directory)).not.toEqual([]);
      const file = path.join(lab.runs, id, "run.json");
      // As after a kill in the moment before bubblewrap has bound its life to cordon's: the record names a dead process.
      const record = JSON.parse(fs.readFileSync(file, "utf8"));
      fs.writeFileSync(file, JSON.stringify({ ...record, startTicks: "1" }));
      expect(lab.cordon(["clean"]).stdout).toContain(`run ${id}`);
      expect(await ended).not.toBe(0);
      expect(processesWith(lab.directory)).toEqual([]);
    });
  });
}
