import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { readLearned } from "../../src/egress/learned.ts";
import { createStage } from "./stand-in.ts";

setDefaultTimeout(90_000);

let stage: ReturnType<typeof createStage>;
beforeEach(() => {
  stage = createStage();
});
afterEach(() => stage.close());
const learned = (project = stage.project) => readLearned(stage.places, project);

describe("for the running sandboxes of this project", () => {
  test("each is told once, in one spelling; others are left alone and nothing is kept", async () => {
    const [one, two] = [stage.play("aaaa1111"), stage.play("bbbb2222")];
    const other = stage.play("cccc3333", "/elsewhere");
    const done = await stage.cordon(["allow", "Example.TEST.", "*.b.test:8443", "example.test"]);
    expect(done).toEqual({
      code: 0,
      stdout: "allowed example.test for 2 running sandboxes\nallowed *.b.test:8443 for 2 running sandboxes\n",
      stderr: "",
    });
    const request = { verb: "allow", remove: false, origin: "cordon allow --running" };
    for (const heard of [one, two])
      expect(heard as object[]).toEqual([
        { ...request, pattern: "example.test" },
        { ...request, pattern: "*.b.test:8443" },
      ]);
    expect(other).toEqual([]);
    expect(fs.existsSync(stage.places.config)).toBe(false);
  });

  test("a rule about requests is one word", async () => {
    const heard = stage.play("aaaa1111");
    const done = await stage.cordon(["deny", "POST B.test/v1/"]);
    expect(done).toEqual({ code: 0, stdout: "denied POST b.test/v1 for 1 running sandbox\n", stderr: "" });
    expect(heard[0]).toMatchObject({ verb: "deny", pattern: "POST b.test/v1" });
  });

  test("deny, and taking back, from a directory below", async () => {
    const heard = stage.play("aaaa1111");
    const below = path.join(stage.project, "src/deep");
    fs.mkdirSync(below, { recursive: true });
    const done = await stage.cordon(["deny", "--running", "--remove", "a.test"], { cwd: below });
    expect(done.stdout).toBe("no longer denied: a.test for 1 running sandbox\n");
    expect(heard as object[]).toEqual([
      { verb: "deny", pattern: "a.test", remove: true, origin: "cordon deny --running" },
    ]);
  });

  test("--run chooses one, also of another project", async () => {
    const near = stage.play("aaaa1111");
    const far = stage.play("bbbb2222", "/elsewhere");
    expect((await stage.cordon(["allow", "a.test", "--run", "bbbb"])).stdout).toBe(
      "allowed a.test for 1 running sandbox\n",
    );
    expect([near.length, far.length]).toEqual([0, 1]);
    expect((await stage.cordon(["allow", "a.test", "--run", "zzzz"])).stderr).toContain("zzzz");
  });

  test("none running is said, with what helps", async () => {
    stage.play("cccc3333", "/elsewhere");
    const done = await stage.cordon(["allow", "a.test"]);
    expect(done.code).toBe(125);
    expect(done.stdout).toBe("");
    expect(done.stderr).toMatch(/no sandbox of this project is running\nhint: `--project` or `--always`/);
  });

  test("what a sandbox answers reaches the person, and cannot steer the terminal", async () => {
    stage.play("aaaa1111", stage.project, () => ({ ok: true, message: "still denied \u001b]52;c;x\u0007" }));
    stage.play("bbbb2222", stage.project, () => ({ ok: false, problem: "no \u001b[31mrules" }));
    const done = await stage.cordon(["allow", "a.test"]);
    expect(done.code).toBe(125);
    expect(done.stdout).toBe("allowed a.test for 1 running sandbox\n");
    expect(done.stderr).toContain("cordon: sandbox aaaa1111: still denied \\x1b]52;c;x\\x07\n");
    expect(done.stderr).toContain("sandbox bbbb2222: no \\x1b[31mrules\n");
    expect(done.stderr).not.toContain("\u001b");
  });

  test("a real sandbox that does not filter refuses", async () => {
    const { id } = await stage.lab.start("sleep 600", ["--net", "none"]);
    const done = await stage.cordon(["allow", "a.test"]);
    expect(done.code).toBe(125);
    expect(done.stdout).toBe("");
    expect(done.stderr).toContain(`sandbox ${id}: `);
  });
});

describe("from now on", () => {
  test("--project keeps the rule and tells the sandboxes of the project", async () => {
    const heard = stage.play("aaaa1111");
    const other = stage.play("bbbb2222", "/elsewhere");
    const done = await stage.cordon(["allow", "--project", "a.test"]);
    expect(done).toEqual({
      code: 0,
      stdout: `allowed a.test in ${stage.project}, and now for 1 running sandbox\n`,
      stderr: "",
    });
    const rule = { value: "a.test", origin: "cordon allow --project" };
    expect(learned()).toEqual({ allow: [rule], deny: [] });
    expect(learned("/elsewhere")).toEqual({ allow: [], deny: [] });
    expect(heard[0]).toMatchObject({ pattern: "a.test", origin: rule.origin });
    expect(other).toEqual([]);
    expect(fs.readdirSync(stage.project)).toEqual([]);
  });

  test("--always tells every one, needs none, and says what it knew", async () => {
    expect((await stage.cordon(["deny", "--always", "a.test"])).stdout).toBe("denied a.test everywhere\n");
    const heard = stage.play("bbbb2222", "/elsewhere");
    expect((await stage.cordon(["deny", "--always", "a.test"])).stdout).toBe(
      "a.test was already denied everywhere, and now for 1 running sandbox\n",
    );
    expect(heard.length).toBe(1);
    expect((await stage.cordon(["deny", "--always", "--remove", "a.test"])).stdout).toBe(
      "no longer denied: a.test everywhere, and now for 1 running sandbox\n",
    );
    expect((await stage.cordon(["deny", "--always", "--remove", "a.test"])).stdout).toBe(
      "a.test was not denied everywhere, and now for 1 running sandbox\n",
    );
  });

  test("an allowance that a kept denial defeats is no surprise", async () => {
    await stage.cordon(["deny", "--always", "a.test"]);
    const done = await stage.cordon(["allow", "--project", "a.test"]);
    expect(done.stderr).toBe("cordon: still denied: `cordon deny --always --remove a.test` takes that back\n");
  });

  test("a rule about requests is kept, read again, and can be copied into a shell", async () => {
    await stage.cordon(["deny", "--always", "GET a.test/x"]);
    const done = await stage.cordon(["allow", "--project", "GET a.test/x/"]);
    expect(done.stderr).toBe('cordon: still denied: `cordon deny --always --remove "GET a.test/x"` takes that back\n');
    expect(learned().allow).toEqual([{ value: "GET a.test/x", origin: "cordon allow --project" }]);
    const removed = await stage.cordon(["deny", "--always", "--remove", "GET a.test/x"]);
    expect([removed.code, learned().deny]).toEqual([0, []]);
  });

  test("a sandbox that did not take a kept rule is named, and is status 1", async () => {
    stage.play("aaaa1111", stage.project, () => ({ ok: false, problem: "its network is not filtered" }));
    const done = await stage.cordon(["deny", "--project", "a.test"]);
    expect(done).toEqual({
      code: 1,
      stdout: `denied a.test in ${stage.project}\n`,
      stderr: "cordon: sandbox aaaa1111: its network is not filtered\n",
    });
    expect(learned().deny.length).toBe(1);
  });
});

describe("what is refused", () => {
  const table: [string[], RegExp][] = [
    [["allow"], /needs more words/],
    [["allow", "a.test", "a b"], /`a b`/],
    [["allow", "a.test", "127.0.0.1"], /--host-port/],
    [["allow", "a.test", "evil.test\u001b[2J"], /\\x1b\[2J/],
    [["allow", "a.test", "GET b.test"], /write `GET b\.test\/`/],
    [["deny", "a.test", "POST b.test/a/../b"], /dot segments/],
    [["deny", "--project", "a.test", "--always"], /exclude each other/],
    [["deny", "--always", "--run", "aaaa", "a.test"], /--run/],
    [["allow", "a.test", "--al"], /--al/],
  ];
  test.each(table)("%j, before anything is done", async (args, expected) => {
    const heard = stage.play("aaaa1111");
    const done = await stage.cordon(args);
    expect(done.code).toBe(125);
    expect(done.stderr).toMatch(expected);
    expect(done.stderr).not.toContain("\u001b");
    expect(heard).toEqual([]);
    expect(learned()).toEqual({ allow: [], deny: [] });
  });

  test.each(["allow", "deny", "publish"])("%s inside a sandbox", async (verb) => {
    const heard = stage.play("aaaa1111");
    const done = await stage.cordon([verb, verb === "publish" ? "80" : "a.test"], { env: { CORDON_SANDBOX: "1" } });
    expect(done.code).toBe(125);
    expect(done.stderr).toContain("already the inside");
    expect(heard).toEqual([]);
  });
});
