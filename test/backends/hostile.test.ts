import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import path from "node:path";
import { cordonBinary } from "../binary.ts";
import { createWorld, type RunOptions, secret, type World } from "../conformance/world.ts";

/** Projects that were made, or left behind by a sandbox, to steer the next start. */
let world: World;
afterEach(() => world.cleanup());
const open = (): World => {
  world = createWorld({ cordon: [cordonBinary()], limits: false });
  return world;
};

const agentScript = '#!/bin/sh\nfor last; do :; done\neval "$last"\n';
const tell = async (script: string, options: RunOptions = {}, flags: string[] = []) => {
  world.write(path.join(world.home, ".local/bin/claude"), agentScript, 0o755);
  const env = { PATH: `${world.home}/.local/bin:/usr/bin:/bin`, ...options.env };
  return await world.run([...flags, "claude", script], { ...options, env });
};

describe("names of directories are names", () => {
  const long = Array.from({ length: 15 }, (_, index) => `${index}`.padStart(250, "d")).join("/");
  test.each([
    ...[
      "a:/etc:rw",
      "x,src=/,dst=/h",
      "a b",
      " a",
      "a\nb",
      "-v",
      "--bind",
      "$(id)",
      "`id`",
      "'q'",
      '"q"',
      "a\\b",
      "*",
      "é😀",
      "a=b",
      "a:ro",
    ],
    long,
  ])("%p", async (name) => {
    open();
    const cwd = path.join(world.project, name);
    mkdirSync(cwd, { recursive: true });
    const result = await world.run(["run", "--", "sh", "-c", "pwd -P; touch made; ls -A /etc/made / | grep made"], {
      cwd,
    });
    expect(result).toMatchObject({ stdout: `${cwd}\n`, stderr: expect.not.stringContaining("error") });
    expect([existsSync(path.join(cwd, "made")), existsSync("/made"), existsSync("/etc/made")]).toEqual([
      true,
      false,
      false,
    ]);
  });

  test.each(["a:b", "x,src=/,dst=/h", "a b", "a\nb", "-v", "$(id)"])("--add-dir of %p", async (name) => {
    open();
    const directory = path.join(world.elsewhere, name);
    mkdirSync(directory, { recursive: true });
    const { code } = await world.run(["--add-dir", directory, "run", "--", "touch", path.join(directory, "made")]);
    expect([code, existsSync(path.join(directory, "made"))]).toEqual([0, true]);
  });
});

describe("links left behind by one run do not lead the next one out", () => {
  test.each(["", "/config", "/hooks"])(".git%s", async (name) => {
    open();
    const target = path.join(world.home, "precious");
    world.write(path.join(target, "config"), "as it was\n");
    mkdirSync(path.join(target, "hooks"));
    mkdirSync(path.join(world.project, ".git"), { recursive: true });
    const link = path.join(world.project, `.git${name}`);
    await world.inside(`rm -rf '${link}'; ln -s '${name === "/config" ? `${target}/config` : target}' '${link}'`);
    const { code } = await world.inside(
      `echo x >> .git/config; echo x >> .git/hooks/made; echo x >> ${target}/config; touch works`,
    );
    expect(code).toBe(0);
    expect(readFileSync(path.join(target, "config"), "utf8")).toBe("as it was\n");
    expect(existsSync(path.join(target, "hooks/made"))).toBe(false);
  });

  test.each([
    ["a link to a file", "ln -s ~/.bashrc"],
    ["a link to home", "ln -s ~"],
    ["a directory", "mkdir"],
    ["a pipe", "mkfifo"],
  ])("%s where cordon writes settings", async (_title, make) => {
    open();
    const own = world.write(path.join(world.home, ".bashrc"), "as it was\n");
    const ruin = ["settings.json", ".claude.json"].map((name) => `rm -rf ~/.claude/${name}; ${make} ~/.claude/${name}`);
    expect((await tell(ruin.join(" && "))).code).toBe(0);
    const { stdout, code } = await tell("cat ~/.claude/settings.json");
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining("skipDangerousModePermissionPrompt") });
    expect(readFileSync(own, "utf8")).toBe("as it was\n");
  });

  test("links where the user's settings and the credential are linked", async () => {
    open();
    const settings = world.write(path.join(world.home, ".claude/CLAUDE.md"), "mine\n");
    const credential = world.write(path.join(world.home, ".claude/.credentials.json"), "mine\n");
    world.write(path.join(world.home, ".ssh/id"), secret);
    const ruin = "for f in CLAUDE.md .credentials.json; do rm -f ~/.claude/$f; ln -s ~/.ssh/id ~/.claude/$f; done";
    const share = ["--credentials", "share"];
    expect((await tell(ruin, {}, share)).code).toBe(0);
    const { stdout } = await tell("cat ~/.claude/CLAUDE.md ~/.claude/.credentials.json", {}, share);
    expect(stdout).toBe("mine\nmine\n");
    for (const file of [settings, credential]) expect(readFileSync(file, "utf8")).toBe("mine\n");
  });

  test("a state directory in the project, replaced by a link, is refused", async () => {
    open();
    const state = path.join(world.project, "state");
    mkdirSync(state);
    const options = { env: { CLAUDE_CONFIG_DIR: state } };
    expect((await tell("touch $CLAUDE_CONFIG_DIR/kept", options)).code).toBe(0);
    await world.inside(`rmdir ${state} && ln -s ${world.home} ${state}`);
    const { code, stderr } = await tell("touch $CLAUDE_CONFIG_DIR/made", options);
    expect({ code, stderr }).toEqual({
      code: 125,
      stderr: expect.stringMatching(/^error: .*a link stands where[^\n]*\nhint: [^\n]*\n$/),
    });
    expect(existsSync(path.join(world.home, "made"))).toBe(false);
  });

  test.each([".", "..", "/usr", "/", "src", "/nowhere"])(
    "a denied path that is now a link to %s locks nobody out",
    async (target) => {
      open();
      mkdirSync(path.join(world.project, "src"));
      symlinkSync(target, path.join(world.project, "private"));
      const flags = ["--deny-path", path.join(world.project, "private")];
      expect(await world.inside("touch works && ls works", flags)).toMatchObject({ code: 0, stdout: "works\n" });
    },
  );
});

describe("what a project brings does not run on the host", () => {
  const trap = (file: string, mark: string) => world.write(file, `#!/bin/sh\necho ran > '${mark}'\n`, 0o755);

  test("programs under the names of tools", async () => {
    open();
    const mark = path.join(world.elsewhere, "ran");
    const tools = ["bwrap", "git", "sh", "setpriv", "systemd-run", "env", "node"];
    for (const name of tools) {
      for (const directory of [".", "node_modules/.bin"]) trap(path.join(world.project, directory, name), mark);
    }
    world.write(path.join(world.home, ".gitconfig"), "[user]\nname = A\n");
    const env = { PATH: `${world.project}::.:${world.project}/node_modules/.bin:node_modules/.bin:/usr/bin:/bin` };
    const { stdout } = await world.run(["--memory", "200m", "run", "--", "echo", "fine"], { env });
    const plain = await world.run(["run", "--", "echo", "fine"], { env });
    expect([plain.stdout, existsSync(mark)]).toEqual(["fine\n", false]);
    expect(["fine\n", ""]).toContain(stdout);
  });

  test("settings of runtimes and package managers", async () => {
    open();
    const mark = path.join(world.elsewhere, "ran");
    const evil = world.write(
      path.join(world.project, "evil.js"),
      `require("node:fs").writeFileSync(${JSON.stringify(mark)}, "ran");\n`,
    );
    const files: Record<string, string> = {
      ".env": `CORDON_PRESET=open\nCORDON_NET=none\nBUN_OPTIONS=--preload ${evil}\nNODE_OPTIONS=--require ${evil}\nHOME=/\n`,
      ".env.local": "CORDON_PRESET=open\n",
      ".env.production": "CORDON_PRESET=open\n",
      "bunfig.toml": `preload = ["./evil.js"]\n[run]\nbun = true\n[install]\nregistry = "http://127.0.0.1:9"\n`,
      ".npmrc": "node-options=--require ./evil.js\n",
      "package.json": `{"name":"x","type":"module","main":"evil.js","scripts":{"run":"touch ${mark}"},"imports":{"#x":"./evil.js"}}\n`,
      "tsconfig.json": `{"compilerOptions":{"baseUrl":".","paths":{"*":["./evil.js"],"node:fs":["./evil.js"]},"jsxImportSource":"./evil.js"}}\n`,
    };
    for (const [name, text] of Object.entries(files)) world.write(path.join(world.project, name), text);
    const { stdout, code } = await world.inside('echo "$HOME"; cat /proc/net/dev | wc -l');
    expect({ code, home: stdout.split("\n")[0], hasRun: existsSync(mark) }).toEqual({
      code: 0,
      home: world.home,
      hasRun: false,
    });
    expect((await world.inside("ls -A ~")).stdout).not.toContain(".gitconfig");
  });

  /** Starts cordon with one more variable in a project that is full of traps; gives what came of it. */
  const startWith = async (name: string, value: string) => {
    open();
    const mark = path.join(world.elsewhere, "ran");
    const text = `require("node:fs").writeFileSync(${JSON.stringify(mark)}, "ran");\n`;
    const evil = world.write(path.join(world.project, "evil.js"), text);
    const git = `[alias]\nx = !touch ${mark}\n[core]\nfsmonitor = touch ${mark}\n`;
    world.write(path.join(world.project, "bunfig.toml"), 'preload = ["./evil.js"]\n');
    world.write(path.join(world.project, "package.json"), `{"scripts":{"fine":"touch '${mark}'; echo host"}}\n`);
    world.write(path.join(world.project, "gitconfig"), git);
    world.write(path.join(world.home, "bin/fine"), "#!/bin/sh\necho fine\n", 0o755);
    const env = { [name]: value.replace("EVIL", evil), PATH: `${world.home}/bin:/usr/bin:/bin` };
    const { stdout } = await world.run(["run", "--", "fine"], { env });
    return { stdout, hasRun: existsSync(mark) };
  };

  test.each([
    ["BUN_OPTIONS", "--preload=EVIL"],
    ["BUN_BE_BUN", "1"],
    ["NODE_OPTIONS", "--require EVIL"],
    ["BUN_INSPECT_PRELOAD", "EVIL"],
    ["BUN_CONFIG_FILE", "bunfig.toml"],
    ["BASH_ENV", "EVIL"],
    ["ENV", "EVIL"],
    ["LD_LIBRARY_PATH", "."],
    ["GIT_CONFIG_GLOBAL", "gitconfig"],
  ])("%s=%s in the environment", async (name, value) => {
    expect(await startWith(name, value)).toEqual({ stdout: "fine\n", hasRun: false });
  });
});
