import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createLiveLab, hintsIn, type LiveLab, users } from "./lab.ts";

setDefaultTimeout(60_000);

const commit = (file: string): string => `echo ${file} > ${file}; git add ${file}; git commit -q -m ${file}`;

for (const { name: userName, uid } of users) {
  describe(`while it runs, as ${userName}`, () => {
    let lab: LiveLab;
    beforeAll(() => {
      lab = createLiveLab(uid);
    });
    afterAll(() => lab.close());
    const head = (place: string) => lab.host(place, "git log -1 --format=%s; git status --porcelain --branch");

    test("`cordon sync` brings over what is there, again and again", async () => {
      lab.create("sync");
      lab.host("sync", "git branch known");
      const onBoth = (file: string) => `${commit(file)}; git branch -f known; git branch -f new; pause ${file}`;
      const run = lab.start("sync", `pause none; ${onBoth("b")}; ${onBoth("c")}; ${onBoth("d")}`);
      await run.reached("none");
      expect(lab.cordon("sync", ["sync"])).toEqual({ code: 0, stdout: "", stderr: "cordon: nothing new\n" });
      run.resume();
      for (const file of ["b", "c"]) {
        await run.reached(file);
        const done = lab.cordon("sync", ["sync"]);
        expect(done).toMatchObject({ code: 0, stderr: expect.stringMatching(/^cordon: commits came over: .*\n$/) });
        expect(head("sync")).toBe(`${file}\n## main`);
        expect(lab.host("sync", "git log -1 --format=%s known; git log -1 --format=%s new")).toBe(`${file}\n${file}`);
        run.resume();
      }
      await run.reached("d");
      run.resume();
      expect(await run.ended).toBe(0);
      expect(run.stderr()).toMatch(/^cordon: commits came over: .*\n$/);
      expect(head("sync")).toBe("d\n## main");
      expect(lab.host("sync", "git log -1 --format=%s known; git log -1 --format=%s new")).toBe("d\nd");
    });

    test("`cordon sync ID` from anywhere, and from a sub-directory", async () => {
      lab.create("named");
      const run = lab.start("named", `mkdir x; ${commit("b")}; pause b; ${commit("c")}; pause c`);
      await run.reached("b");
      const [{ id }] = JSON.parse(lab.cordon("named", ["ps", "--json"]).stdout);
      expect(lab.cordon("home", ["sync", id]).code).toBe(0);
      expect(head("named")).toBe("b\n## main");
      run.resume();
      await run.reached("c");
      expect(lab.cordon("named/x", ["sync"]).code).toBe(0);
      expect(head("named")).toBe("c\n## main");
      run.resume();
      expect(await run.ended).toBe(0);
    });

    test("what was taken back on the host after a sync is not brought again", async () => {
      lab.create("back");
      const run = lab.start("back", `${commit("b")}; pause b; ${commit("c")}; pause c`);
      await run.reached("b");
      lab.cordon("back", ["sync"]);
      lab.host("back", "git reset -q --soft HEAD~1; git reset -q");
      run.resume();
      await run.reached("c");
      run.resume();
      expect(await run.ended).toBe(0);
      expect(hintsIn(run.stderr())).toHaveLength(1);
      expect(head("back")).toBe("one\n## main\n?? b\n?? c");
    });

    test("two runs share one private directory, and both bring what they made", async () => {
      lab.create("two");
      const first = lab.start("two", `${commit("first")}; pause a; git log -1 --format=%s; pause b; ${commit("last")}`);
      await first.reached("a");
      const second = lab.start("two", `git log -1 --format=%s; git switch -qc feat; ${commit("second")}; pause c`);
      await second.reached("c");
      expect(second.stdout()).toBe("first\nat c\n");
      first.resume();
      await first.reached("b");
      expect(first.stdout()).toContain("second\nat b");
      second.resume();
      expect(await second.ended).toBe(0);
      expect(lab.host("two", "git log -1 --format=%s feat; git log -1 --format=%s main")).toBe("second\nfirst");
      first.resume();
      expect(await first.ended).toBe(0);
      expect(lab.host("two", "git log --format=%s feat; git fsck --strict --no-dangling")).toBe(
        "last\nsecond\nfirst\none",
      );
    });

    test("one of two is killed; the other brings everything", async () => {
      lab.create("left");
      const first = lab.start("left", `${commit("first")}; pause a`);
      await first.reached("a");
      const second = lab.start("left", `pause b; ${commit("second")}`);
      await second.reached("b");
      first.kill();
      await first.ended;
      second.resume();
      expect(await second.ended).toBe(0);
      expect(head("left")).toBe("second\n## main");
      expect(lab.inside("left", "git log --format=%s").stdout).toBe("second\nfirst\none\n");
    });

    test("five start and end at the same time", async () => {
      lab.create("five");
      const runs = [1, 2, 3, 4, 5].map((n) => {
        const script = `git update-ref refs/heads/b${n} $(git commit-tree -p HEAD -m ${n} HEAD^{tree}); pause up`;
        return { n, run: lab.start("five", script) };
      });
      for (const { run } of runs) await run.reached("up");
      for (const { run } of runs) run.resume();
      for (const { run } of runs) expect({ code: await run.ended, stderr: run.stderr() }).toMatchObject({ code: 0 });
      for (const { n } of runs) expect(lab.host("five", `git log --format=%s b${n}`)).toBe(`${n}\none`);
      expect(lab.host("five", "git fsck --strict --no-dangling; git status --porcelain --branch")).toBe("## main");
    });
  });
}
