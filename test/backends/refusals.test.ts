import { afterEach, describe, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import path from "node:path";
import { cordonBinary } from "../binary.ts";
import { createWorld, type Result, type RunOptions, type World } from "../conformance/world.ts";

let world: World;
afterEach(() => world.cleanup());
const open = (cordon = [cordonBinary()]): World => {
  world = createWorld({ cordon, limits: false });
  return world;
};

const names = (directory: string): string[] =>
  readdirSync(directory, { withFileTypes: true })
    .flatMap((entry) => [entry.name, ...(entry.isDirectory() ? names(path.join(directory, entry.name)) : [])])
    .sort();

/** Starts a program that would leave a trace; everything must be as it was, and one error must say why. */
const expectRefusal = async (flags: string[], message: RegExp, options: RunOptions = {}): Promise<void> => {
  const before = [names(world.project), names(world.elsewhere)];
  const result = await world.run(
    [...flags, "run", "--", "sh", "-c", `touch started ${world.project}/started; echo started`],
    options,
  );
  expectError(result, message);
  expect([names(world.project), names(world.elsewhere)]).toEqual(before);
};

const expectError = ({ code, stdout, stderr }: Result, message: RegExp): void => {
  expect({ code, stdout, stderr }).toEqual({
    code: 125,
    stdout: "",
    stderr: expect.stringMatching(/^error: [^\n]+\nhint: [^\n]+\n$/),
  });
  expect(stderr).toMatch(message);
};

/** Starts cordon from a shell, for directories that no other way leads into. */
const behind = (script: string) => ["sh", "-c", `${script} && exec "$0" "$@"`, cordonBinary()];

describe("directories that are no project", () => {
  test.each([
    ["/", "root"],
    ["/usr", "system"],
    ["/etc", "system"],
    ["/tmp", "every program"],
    ["/proc/self", "system"],
    ["/dev", "system"],
  ])("%s", async (cwd, word) => {
    open();
    await expectRefusal([], new RegExp(`cannot use .* as the project: .*${word}`), { cwd });
  });

  test.each([
    [".", /your home directory, and everything/],
    ["..", /your home directory lies in it/],
    [".ssh", /which holds secrets/],
    [".claude/projects", /which holds secrets/],
    [".aws", /which holds secrets/],
    [".config/cordon", /config\/cordon would be within reach/],
    [".local/state/cordon/projects", /state\/cordon would be within reach/],
    [".local/state", /state\/cordon would be within reach/],
    [".cache", /cache\/cordon would be within reach/],
    [".config", /config\/cordon would be within reach/],
  ])("~/%s", async (name, message) => {
    open();
    const cwd = path.join(world.home, name);
    mkdirSync(cwd, { recursive: true });
    await expectRefusal([], message, { cwd });
  });

  test("a link to home, and a lie in PWD", async () => {
    open();
    const link = path.join(world.elsewhere, "link");
    symlinkSync(world.home, link);
    await expectRefusal([], /your home directory, and everything/, { cwd: link, env: { PWD: world.project } });
  });

  test("what holds the sockets, or the places that the user chose", async () => {
    open();
    await expectRefusal([], /would be within reach/, { cwd: world.runtime });
    await expectRefusal([], /would be within reach/, { env: { XDG_STATE_HOME: world.project } });
  });

  test("what holds the program itself", async () => {
    open();
    const copy = path.join(world.project, "bin/cordon");
    mkdirSync(path.dirname(copy));
    copyFileSync(cordonBinary(), copy);
    const other = createWorld({ cordon: [copy], limits: false });
    const result = await other.run(["run", "--", "true"], { cwd: world.project });
    other.cleanup();
    expectError(result, /bin\/cordon would be within reach/);
  });

  test("one that is gone", async () => {
    open(behind("mkdir gone && cd gone && rmdir ../gone"));
    const { code, stdout, stderr } = await world.run(["run", "--", "touch", path.join(world.elsewhere, "started")]);
    // The runtime notices before cordon does, and says it in its own words.
    expect({ isRefused: code !== 0, stdout, stderr }).toEqual({
      isRefused: true,
      stdout: "",
      stderr: expect.stringMatching(/^error: .*working directory[^\n]*\n/),
    });
    expect(names(world.elsewhere)).toEqual([]);
  });

  test("one whose name is not UTF-8", async () => {
    open(behind(`mkdir "$(printf 'a\\377b')" && cd "$(printf 'a\\377b')"`));
    const result = await world.run(["run", "--", "touch", "started"]);
    expectError(result, /not valid UTF-8|UTF-8/);
  });
});

describe("paths that are no mounts", () => {
  test.each(["--add-dir", "--allow-readonly"])("%s of nothing", async (flag) => {
    open();
    await expectRefusal([flag, path.join(world.elsewhere, "nothing")], /there is no such file or directory/);
  });

  test.each(["/", ".local", ".config", ".local/state/cordon/projects", "."])(
    "--add-dir of what holds cordon's own: %s",
    async (name) => {
      open();
      const target = path.resolve(world.home, name);
      mkdirSync(target, { recursive: true });
      await expectRefusal(["--add-dir", target], /would be within reach/);
    },
  );

  test("--add-dir of a link to them", async () => {
    open();
    const link = path.join(world.elsewhere, "link");
    mkdirSync(path.join(world.home, ".config"));
    symlinkSync(path.join(world.home, ".config"), link);
    await expectRefusal(["--add-dir", link], /would be within reach/);
  });

  test.each(["--add-dir", "--allow-readonly"])("%s of a link in the project that leads out of it", async (flag) => {
    open();
    symlinkSync(world.home, path.join(world.project, "data"));
    await expectRefusal([flag, path.join(world.project, "data")], /it leads out of the project|would be within reach/);
  });
});

describe("options and limits", () => {
  test.each([
    [["--netwrok", "none"], /unknown option `--netwrok`/],
    [["--net", "nothing"], /`nothing` is not one of/],
    [["--memory", "-1"], /needs a value|is not a size/],
    [["--memory", "lots"], /`lots` is not a size/],
    [["--pids", "0"], /`0` is not a number of processes/],
    [["--timeout", "5"], /`5` is not a duration/],
    [["--env", "1A=x"], /is not NAME=VALUE/],
    [["--backend", "docker"], /not available in this version/],
    [["--image", "x"], /not available in this version/],
    [["--credentials", "broker", "--net", "open"], /broker/],
  ])("%s", async (flags, message) => {
    open();
    await expectRefusal(flags, message);
  });

  test("a misspelt key and a wrong type in the user's file", async () => {
    open();
    for (const [text, message] of [
      ["[netwrok]\nmode='none'\n", /netwrok/],
      ["preset = 3\n", /preset/],
      ["x = [\n", /config\.toml/],
    ] as const) {
      world.write(path.join(world.home, ".config/cordon/config.toml"), text);
      await expectRefusal([], message);
    }
  });

  test("a project's file that widens", async () => {
    open();
    world.write(path.join(world.project, ".cordon.toml"), 'preset = "open"\n');
    await expectRefusal([], /asks for more than your own settings allow/);
  });
});

describe("inside a sandbox", () => {
  test("cordon says that this is one, and without the sign of it still builds no second one", async () => {
    open();
    const directory = path.dirname(cordonBinary());
    const flags = ["--allow-readonly", directory];
    const program = cordonBinary();
    const nested = await world.inside(`${program} run -- touch started`, flags, { mayRefuse: true });
    expectError(nested, /already the inside of a cordon sandbox/);
    const hidden = await world.inside(
      `env -u CORDON_SANDBOX ${program} run --net open -- touch started; echo $?`,
      flags,
    );
    expect(hidden.stdout).not.toMatch(/^0$/m);
    expect(names(world.project)).toEqual([]);
  });
});
