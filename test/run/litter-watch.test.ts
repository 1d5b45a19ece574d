import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { createLab, type Lab, processesWith, until, users } from "./lab.ts";

/** What is watched of a live project from outside, with the whole program. */

setDefaultTimeout(120_000);

const evil = "git init -q made; git -C made config core.fsmonitor $PWD/evil; echo evil > made/.git/hooks/pre-commit";

for (const { name, uid } of users) {
  describe(`a live project, as ${name}`, () => {
    let lab: Lab;
    const inProject = (script: string): string => {
      const env = { HOME: lab.at("home"), PATH: lab.env.PATH };
      const cwd = lab.at("project");
      const done = spawnSync("/bin/sh", ["-ec", script], { cwd, env, ...(uid > 0 && { uid, gid: uid }) });
      if (done.status !== 0) throw new Error(`${script}: ${done.stderr}`);
      return done.stdout.toString();
    };
    beforeAll(() => {
      lab = createLab(uid);
      inProject("git init -q -b main .; git -c user.name=A -c user.email=a@b commit -q --allow-empty -m 1");
    });
    afterAll(() => lab.close());

    test("a repository that a run has made is harmless when it has ended, and is told of", () => {
      const { code, stderr } = lab.cordon(["run", "--", "sh", "-c", `${evil}; sleep 2; exit 3`]);
      expect(code).toBe(3);
      expect(stderr).toContain("made/.git has appeared: do not use git there until the run has ended");
      expect(stderr).toContain("made/.git was made during the run: core.fsmonitor is out of config");
      expect(inProject("cd made; git config --list --local; ls .git; rm -r ../made")).not.toMatch(/fsmonitor|^hooks$/m);
    });

    test("also in a project without one, and when it stands at the top", () => {
      inProject("mv .git ../aside");
      const { stderr } = lab.cordon(["run", "--", "sh", "-c", "git init -q .; git config core.pager evil"]);
      expect(stderr).toContain(".git was made during the run: core.pager is out of config");
      expect(inProject("git config --list --local; rm -rf .git; mv ../aside .git")).not.toContain("pager");
    });

    test("a run whose .git is replaced outside is ended at once", async () => {
      const { pid, ended } = await lab.start("while :; do sleep 0.01; echo evil > .git/hooks/pre-commit; done");
      inProject("mv .git old; git init -q .");
      expect(await ended).toBe(137);
      expect(processesWith(lab.directory).filter((one) => one !== pid)).toEqual([]);
      // Whatever it has still managed to write there is out of the way.
      expect(fs.existsSync(path.join(lab.at("project"), ".git/hooks/pre-commit"))).toBe(false);
      inProject("rm -rf .git; mv old .git; rm -f up-*");
    });

    test("what a killed cordon leaves is settled by the next start", async () => {
      const { pid, ended } = await lab.start(`${evil}; touch done; sleep 600`);
      await until(() => fs.existsSync(path.join(lab.at("project"), "done")));
      process.kill(pid, "SIGKILL");
      await ended;
      expect(inProject("git -C made config core.fsmonitor")).toContain("evil");
      expect(lab.cordon(["run", "--", "true"]).stderr).toContain("made/.git was made during the run");
      expect(inProject("git -C made config --list --local")).not.toContain("fsmonitor");
    });
  });
}
