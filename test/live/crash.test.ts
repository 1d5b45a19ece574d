import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import fs from "node:fs";
import { createLiveLab, inventory, type LiveLab, users } from "./lab.ts";

setDefaultTimeout(120_000);

const commit = (file: string): string => `echo ${file} > ${file}; git add ${file}; git commit -q -m ${file}`;

/** Longer than bringing commits over takes when nothing else goes on. */
const longestMs = 120;
const rounds = 6;

for (const { name: userName, uid } of users) {
  describe(`kill -9, as ${userName}`, () => {
    let lab: LiveLab;
    beforeAll(() => {
      lab = createLiveLab(uid);
    });
    afterAll(() => lab.close());
    const isWhole = (place: string) => lab.host(place, "git fsck --strict --no-dangling");
    /** No quarantine, no lock. */
    const litter = (place: string) => inventory(lab.at(place, ".git")).filter((line) => /^\S*(\.lock|tmp_)/.test(line));

    test("while the agent works: the next run brings its commits, and says so", async () => {
      lab.create("work");
      const run = lab.start(
        "work",
        `${commit("b")}; git switch -qc feat; ${commit("c")}; git switch -q main; pause here`,
      );
      await run.reached("here");
      run.kill();
      expect(await run.ended).toBe(137);
      expect(lab.host("work", "git log --format=%s --all -- b c")).toBe("");
      const next = lab.inside("work", "git log --format=%s feat");
      expect(next.stdout).toBe("c\nb\none\n");
      expect(next.stderr).toMatch(/commits came over: .*main/);
      expect(lab.host("work", "git log --format=%s feat; git status --porcelain --branch")).toBe("c\nb\none\n## main");
      expect(isWhole("work")).toBe("");
    });

    test("`cordon sync` brings them as well, with nobody running, and then says that there is nothing", async () => {
      lab.create("asked");
      expect(lab.cordon("asked", ["sync"])).toMatchObject({ code: 125, stderr: expect.stringContaining("no sandbox") });
      expect(fs.readdirSync(lab.at("asked/.git/refs"))).toEqual(["heads", "tags"]);
      const run = lab.start("asked", `${commit("b")}; pause here`);
      await run.reached("here");
      run.kill();
      await run.ended;
      const done = lab.cordon("asked", ["sync"]);
      expect(done).toMatchObject({ code: 0, stderr: expect.stringMatching(/^cordon: commits came over: main \S+\n$/) });
      expect(lab.host("asked", "git log -1 --format=%s; git status --porcelain --branch")).toBe("b\n## main");
      expect(lab.cordon("asked", ["sync"])).toMatchObject({ code: 125 });
      expect(lab.inside("asked", "true").stderr).toBe("");
    });

    test("at any moment while the commits come over", async () => {
      lab.create("over");
      let seen = 0;
      for (let round = 0; round < rounds; round++) {
        const run = lab.start("over", `${commit(`f${round}`)}; git branch b${round}; pause here`);
        await run.reached("here");
        run.resume();
        await Bun.sleep((longestMs * (round + 1)) / rounds);
        run.kill();
        if ((await run.ended) === 137) seen += 1;
        expect(isWhole("over")).toBe("");
      }
      expect(seen).toBeGreaterThan(0);
      lab.inside("over", "true");
      const subjects = Array.from({ length: rounds }, (_, round) => `f${rounds - 1 - round}`).join("\n");
      expect(lab.host("over", "git log --format=%s")).toBe(`${subjects}\none`);
      expect(lab.host("over", "git status --porcelain --branch; git branch --list 'b*' | wc -l")).toBe(
        `## main\n${rounds}`,
      );
      expect(isWhole("over")).toBe("");
      expect(litter("over")).toEqual([]);
    });

    test("at any moment of a start", async () => {
      lab.create("begin");
      lab.host("begin", "for n in 1 2 3; do git branch b$n; done; echo s > s; git add s");
      for (let round = 0; round < rounds; round++) {
        lab.host(
          "begin",
          `git branch -f moving; git commit -q --allow-empty -m ${round}; echo ${round} > s; git add s`,
        );
        const run = lab.start("begin", "git rev-parse HEAD; pause here");
        await Bun.sleep((60 * round) / rounds);
        run.kill();
        await run.ended;
      }
      const seen = lab.inside(
        "begin",
        "git log --format=%s; git status --porcelain --branch; git fsck --strict --no-dangling",
      );
      expect(seen.stdout).toBe(`5\n4\n3\n2\n1\n0\none\n## main\nM  s\n`);
      expect(lab.host("begin", "git status --porcelain --branch")).toBe("## main\nM  s");
      expect(litter("begin")).toEqual([]);
    });
  });
}
