import { afterAll, describe, expect, test } from "bun:test";
import fs from "node:fs";
import { createLiveLab, users } from "./lab.ts";

/** A project so large that it is taken for what it was, while somebody looks whether it still is. */

/** Past the time in which a change could hide behind the one before it. */
const settle = () => Bun.sleep(120);

describe.each(users)("a large project, as $name", ({ uid }) => {
  const lab = createLiveLab(uid);
  afterAll(lab.close, 60_000);
  const config = () => fs.readFileSync(lab.at("p/d5/e5/.git/config"), "utf8");
  const run = (network: string, script: string) => {
    const done = lab.cordon("p", ["run", "--net", network, "--", "sh", "-ec", script]);
    expect({ code: done.code, stderr: done.stderr }).toMatchObject({ code: 0 });
    return done;
  };

  test("is opened as it is remembered", async () => {
    lab.create("p");
    lab.host("p", "bash -c 'mkdir -p d{0..79}/e{0..19}'");
    for (let time = 0; time < 3; time++) {
      await settle();
      expect(run("none", "echo $((40 + 2)); git status --short").stdout).toBe("42\n");
    }
    run("none", "echo two >> a.txt; git commit -qam two");
    expect(lab.host("p", "git log --format=%s; git status --short")).toBe("two\none");
  });

  test.each(["none", "filtered"])(
    "with a repository that is new on the host is opened as it is (%s)",
    async (network) => {
      lab.host(
        "p",
        "git init -q d5/e5; git -C d5/e5 config core.pager less; git -C d5/e5 commit -q --allow-empty -m theirs",
      );
      const before = config();
      await settle();
      const { stdout, stderr } = run(
        network,
        "cd d5/e5; git config core.pager evil; git log --format=%s; git config core.pager",
      );
      expect(stdout).toBe("theirs\nevil\n");
      expect(config()).toBe(before);
      // It is the user's own: nothing of it is taken away, or told of.
      expect(stderr).not.toContain("core.pager");
      lab.host("p", "rm -rf d5/e5/.git");
    },
  );

  test("from which a repository is gone is opened as it is", async () => {
    lab.host("p", "git init -q d6/e6");
    run("none", "true");
    await settle();
    run("none", "true");
    lab.host("p", "rm -rf d6/e6/.git");
    run("none", "test ! -e d6/e6/.git");
    expect(fs.existsSync(lab.at("p/d6/e6/.git"))).toBe(false);
  });

  test("is settled at the end", async () => {
    await settle();
    const { stderr } = run("none", "git init -q d7/e7; git -C d7/e7 config core.fsmonitor evil; echo > d7/e7/Makefile");
    expect(stderr).toContain("d7/e7/.git was made during the run: core.fsmonitor is out of config");
    expect(stderr).toContain("d7/e7/Makefile (new): make runs it");
    // What was done about it is said once.
    expect(stderr.match(/d7\/e7\/\.git/g)).toHaveLength(1);
  });

  test("is settled but for a repository in a git directory, which is told of", () => {
    const { stderr } = run(
      "none",
      "git init -q d7/e8; cd d7/e8/.git; git init -q sub; git -C sub config core.fsmonitor evil",
    );
    expect(stderr).toContain("d7/e8/.git/sub/.git/config (new): git settings can name programs");
  });

  test.each(["none", "filtered"])(
    "in which a link leads to another repository now is opened as it is (%s)",
    async (network) => {
      lab.host("p", "git init -q d10/e5; git init -q ../other; ln -s nowhere d11/.git; mkdir d12/x");
      run("none", "true");
      await settle();
      run("none", "true");
      lab.inside("p", "mv d10/e5 d10/was; ln -s ../../other d10/e5");
      await settle();
      const { stderr } = run(network, "git init -q d12/x/y");
      // What was said before is not said again because all was done again.
      expect(stderr.match(/d11\/\.git is a link/g)).toHaveLength(1);
      lab.host("p", "rm -rf d10/e5 d10/was d11/.git d12/x ../other");
    },
  );

  test("is said to be large once, and wherever a list might be taken for all", async () => {
    const large = "the project is too large to have looked at all of it";
    expect(run("none", "true").stderr).not.toContain(large);
    expect(run("none", "echo > d8/e8/Makefile").stderr).toContain(large);
  });
});
