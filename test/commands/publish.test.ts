import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { createStage } from "./stand-in.ts";

setDefaultTimeout(90_000);

let stage: ReturnType<typeof createStage>;
beforeEach(() => {
  stage = createStage();
});
afterEach(() => stage.close());

test("the only sandbox of the project is asked, and the address printed", async () => {
  const heard = stage.play("aaaa1111", stage.project, () => ({ ok: true, address: "127.0.0.1:8080" }));
  stage.play("bbbb2222", "/elsewhere");
  expect(await stage.cordon(["publish", "3000:8080"])).toEqual({ code: 0, stdout: "127.0.0.1:8080\n", stderr: "" });
  expect(await stage.cordon(["publish", "3000", "aaaa"])).toMatchObject({ code: 0 });
  expect(heard as object[]).toEqual([
    { verb: "publish", inside: 3000, outside: 8080 },
    { verb: "publish", inside: 3000 },
  ]);
});

test("which one is not guessed", async () => {
  expect((await stage.cordon(["publish", "3000"])).stderr).toContain("no sandbox of this project is running");
  const heard = [stage.play("aaaa1111"), stage.play("bbbb2222")];
  const done = await stage.cordon(["publish", "3000"]);
  expect(done.code).toBe(125);
  expect(done.stderr).toContain("aaaa1111, bbbb2222");
  expect(heard).toEqual([[], []]);
});

test("a refusal is the sandbox's, in its words", async () => {
  stage.play("aaaa1111", stage.project, () => ({ ok: false, problem: "port 80 is taken\u001b[2J" }));
  const done = await stage.cordon(["publish", "3000:80"]);
  expect(done).toMatchObject({ code: 125, stdout: "" });
  expect(done.stderr).toContain("sandbox aaaa1111: port 80 is taken\\x1b[2J\n");
});

test.each(["0", "65536", "80:0", "80:", ":80", "80:81:82", "-1", "1e3", "http", "080808"])(
  "%s is no port",
  async (word) => {
    const heard = stage.play("aaaa1111");
    expect(await stage.cordon(["publish", word])).toMatchObject({ code: 125, stdout: "" });
    expect(heard).toEqual([]);
  },
);
