import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { flags } from "../../src/cli/flags.ts";
import { type Given, readGiven } from "../../src/cli/given.ts";
import { runConfig } from "../../src/commands/config.ts";
import type { CommandFunction, Context } from "../../src/commands/context.ts";
import { runTrust } from "../../src/commands/trust.ts";
import { readEnvFiles, readSources } from "../../src/config/load.ts";
import { resolveConfig } from "../../src/config/resolve.ts";
import type { CordonError } from "../../src/errors.ts";
import { placesOf, projectKey } from "../../src/places.ts";

let root: string;
let project: string;
let places: ReturnType<typeof placesOf>;
const widening = "[env]\npass = ['HTTP_PROXY']\n";
const projectFile = () => path.join(project, ".cordon.toml");
const record = () => path.join(places.state, "trust", projectKey(project));

beforeEach(() => {
  root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "cordon-commands-")));
  project = path.join(root, "project");
  fs.mkdirSync(project);
  places = placesOf({}, root, 0);
  fs.mkdirSync(places.config, { recursive: true });
});
afterEach(() => fs.rmSync(root, { recursive: true }));

const host = (isTerminal = false): Context["host"] =>
  ({
    home: root,
    cwd: project,
    project,
    places,
    tty: { stdin: isTerminal, stdout: isTerminal, stderr: isTerminal },
  }) as Context["host"];

const ownSwitch = (long: string): Given => ({
  flag: { long, kind: "switch", group: "General", help: "" },
  value: "true",
  origin: `--${long}`,
});

const run = async (command: CommandFunction, words: string[] = [], given: Given[] = [], isTerminal = false) => {
  const lines: string[] = [];
  const values: unknown[] = [];
  const status = await command({
    host: host(isTerminal),
    invocation: { command: "", words, given },
    out: {
      line: (text) => lines.push(text),
      note: () => {},
      notification: () => {},
      json: (value) => values.push(value),
      colour: false,
    },
    config: () => load(given),
  });
  return { status, text: lines.join("\n"), value: values[0] };
};

const codeOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "",
    (error: CordonError) => error.code,
  );
const load = async (given: Given[] = []) =>
  resolveConfig({ ...(await readSources(host())), envFiles: readEnvFiles(given, project) }, given);
const trust = () => run((context) => runTrust(context), [], [ownSwitch("yes")]);

describe("trust", () => {
  beforeEach(() => fs.writeFileSync(projectFile(), widening));

  test("a widening file is refused, then trusted, then revoked", async () => {
    expect(await codeOf(load())).toBe("E_CONFIG_WIDENS");
    const { status, text } = await trust();
    expect(status).toBe(0);
    expect(text).toContain("pass = ['HTTP_PROXY']");
    expect(text).toContain("more than your own settings: env.pass");
    expect((await load()).env.pass).toEqual([
      { value: "HTTP_PROXY", origin: "project config .cordon.toml (env.pass)" },
    ]);
    expect((await trust()).text).toContain("trusted already");
    expect((await run((context) => runTrust(context), [], [ownSwitch("revoke")])).text).toContain("no longer");
    expect(await codeOf(load())).toBe("E_CONFIG_WIDENS");
    expect((await run((context) => runTrust(context), [], [ownSwitch("revoke")])).text).toContain(
      "nothing was trusted",
    );
  });

  test("one byte more, another byte, another project: not trusted", async () => {
    await trust();
    fs.writeFileSync(projectFile(), `${widening} `);
    expect(await codeOf(load())).toBe("E_CONFIG_WIDENS");
    fs.writeFileSync(projectFile(), widening.replace("PROXY", "PROXI"));
    expect(await codeOf(load())).toBe("E_CONFIG_WIDENS");
    fs.writeFileSync(projectFile(), widening);
    expect(await codeOf(load())).toBe("");
    const other = path.join(root, "other");
    fs.cpSync(project, other, { recursive: true });
    const moved = record();
    project = other;
    expect(await codeOf(load())).toBe("E_CONFIG_WIDENS");
    fs.copyFileSync(moved, record());
    expect(await codeOf(load())).toBe("E_CONFIG_WIDENS");
  });

  test("the bytes that were shown are the bytes that are trusted, also when the file changes while the question stands", async () => {
    const swap: CommandFunction = (context) =>
      runTrust(context, () => {
        fs.writeFileSync(projectFile(), "[filesystem]\nwrite = ['~']\n");
        return true;
      });
    const { text } = await run(swap, [], [], true);
    expect(text).toContain("HTTP_PROXY");
    expect(text).not.toContain("write");
    expect(await codeOf(load())).toBe("E_CONFIG_WIDENS");
    fs.writeFileSync(projectFile(), widening);
    expect(await codeOf(load())).toBe("");
  });

  test("the values come from the bytes that the record was compared with, however fast the file is exchanged", async () => {
    await trust();
    const evil = path.join(project, "evil");
    const script = `const fs=require("node:fs");const end=Date.now()+20000;while(Date.now()<end){
      fs.writeFileSync("evil","[filesystem]\\nwrite=['~']\\n");fs.renameSync("evil",".cordon.toml");
      fs.writeFileSync("evil",${JSON.stringify(widening)});fs.renameSync("evil",".cordon.toml");}`;
    const swapper = Bun.spawn([process.execPath, "-e", script], { cwd: project, stdout: "ignore", stderr: "ignore" });
    const seen = { trusted: 0, refused: 0 };
    try {
      for (let round = 0; round < 5000 && (seen.trusted < 50 || seen.refused < 50); round++) {
        try {
          const config = await load();
          expect(config.filesystem.write).toEqual([]);
          seen.trusted += 1;
        } catch (error) {
          expect((error as CordonError).code).toBe("E_CONFIG_WIDENS");
          expect((error as CordonError).message).toContain("filesystem.write");
          seen.refused += 1;
        }
      }
    } finally {
      swapper.kill("SIGKILL");
      await swapper.exited;
      fs.rmSync(evil, { force: true });
    }
    expect(seen.trusted).toBeGreaterThan(0);
    expect(seen.refused).toBeGreaterThan(0);
  }, 30_000);

  test("the record is private, complete and the only file", async () => {
    await trust();
    expect(fs.readdirSync(path.dirname(record()))).toEqual([path.basename(record())]);
    expect(fs.statSync(record()).mode & 0o777).toBe(0o600);
    expect(fs.statSync(path.dirname(record())).mode & 0o777).toBe(0o700);
    const sha256 = createHash("sha256").update(widening).digest("hex");
    expect(JSON.parse(fs.readFileSync(record(), "utf8"))).toEqual({ project, sha256 });
  });

  test("a record that others could have written, a link or rubbish counts for nothing", async () => {
    const spoil: (() => void)[] = [
      () => fs.chmodSync(record(), 0o666),
      () => fs.chmodSync(path.dirname(record()), 0o777),
      () => {
        fs.renameSync(record(), `${record()}.real`);
        fs.symlinkSync(`${record()}.real`, record());
      },
      () => fs.writeFileSync(record(), "null"),
      () => fs.writeFileSync(record(), "{"),
      () => fs.writeFileSync(record(), '{"sha256":"x"}'),
    ];
    for (const change of spoil) {
      fs.rmSync(path.dirname(record()), { recursive: true, force: true });
      await trust();
      expect(await codeOf(load())).toBe("");
      change();
      expect(await codeOf(load())).toBe("E_CONFIG_WIDENS");
    }
  });

  test("the answer decides; without a terminal there is no question", async () => {
    const answer =
      (value: boolean): CommandFunction =>
      (context) =>
        runTrust(context, () => value);
    expect((await run(answer(false), [], [], true)).status).toBe(1);
    expect(await codeOf(load())).toBe("E_CONFIG_WIDENS");
    expect(await codeOf(run(answer(true)))).toBe("E_USAGE");
    expect(await codeOf(load())).toBe("E_CONFIG_WIDENS");
    expect((await run(answer(true), [], [], true)).status).toBe(0);
    expect(await codeOf(load())).toBe("");
  });

  test("what is shown cannot steer the terminal", async () => {
    fs.writeFileSync(projectFile(), `# \u009b2J \u202e \u200b x\n${widening}`);
    expect((await trust()).text).toContain("# \\x9b2J \\u{202e} \\u{200b} x");
  });

  test("a link, a directory, a large or a broken file is refused by every command that reads it", async () => {
    const plant: [() => void, string][] = [
      [() => fs.symlinkSync(path.join(places.config, "config.toml"), projectFile()), "E_CONFIG_UNREADABLE"],
      [() => fs.mkdirSync(projectFile()), "E_CONFIG_UNREADABLE"],
      [() => fs.writeFileSync(projectFile(), "#".repeat(300_000)), "E_CONFIG_UNREADABLE"],
      [() => fs.writeFileSync(projectFile(), "netwrok = 1"), "E_CONFIG_INVALID"],
      [() => fs.writeFileSync(projectFile(), "[env]\ndotenv = ['A']"), "E_CONFIG_INVALID"],
      [() => fs.writeFileSync(projectFile(), "[services.github]\nwrite = true"), "E_CONFIG_INVALID"],
    ];
    for (const [change, code] of plant) {
      fs.rmSync(projectFile(), { recursive: true, force: true });
      change();
      expect(await codeOf(load())).toBe(code);
      expect(await codeOf(trust())).toBe(code);
    }
    fs.rmSync(projectFile());
    expect(await codeOf(trust())).toBe("E_USAGE");
  }, 20_000);
});

describe("the user's own files", () => {
  const userFile = () => path.join(places.config, "config.toml");

  test("`cordon config` shows every setting with its origin, `path` the files, `schema` the keys", async () => {
    fs.writeFileSync(userFile(), "preset = 'strict'\n[filesystem]\nhide = ['~/x']\n");
    const { text } = await run(runConfig);
    expect(text.split("\n")).toContain('preset = "strict"  # user config ~/.config/cordon/config.toml (preset)');
    expect(text.split("\n")).toContain('agent = "claude"  # default');
    expect(text).toContain(`filesystem.hide = "${root}/x"`);
    const json = flags.find(({ long }) => long === "json")!;
    expect((await run(runConfig, [], [readGiven(json, undefined, "--json")])).value).toContainEqual({
      key: "preset",
      value: "strict",
      origin: "user config ~/.config/cordon/config.toml (preset)",
    });
    expect((await run(runConfig, ["path"])).text).toBe(`${userFile()}\n${projectFile()}`);
    expect((await run(runConfig, ["schema"])).value).toMatchObject({ additionalProperties: false });
    expect(await codeOf(run(runConfig, ["shema"]))).toBe("E_USAGE");
    expect(await codeOf(run(runConfig, ["constructor"]))).toBe("E_USAGE");
  });

  test("a link is followed there, a broken file is an error and no default", async () => {
    fs.writeFileSync(path.join(root, "dotfiles"), "preset = 'strict'");
    fs.symlinkSync(path.join(root, "dotfiles"), userFile());
    expect((await load()).preset.value).toBe("strict");
    fs.writeFileSync(path.join(root, "dotfiles"), "preset = strict");
    expect(await codeOf(load())).toBe("E_CONFIG_INVALID");
    expect(await codeOf(run(runConfig, ["path"]))).toBe("");
    expect(await codeOf(run(runConfig, ["schema"]))).toBe("");
  });

  test(".env: only the names that the user lists, never through a link, never into this process", async () => {
    fs.writeFileSync(
      path.join(project, ".env"),
      "CORDON_TEST_KEY=1\nNODE_OPTIONS=--require ./x.js\nCORDON_PRESET=open\n",
    );
    expect({ ...(await load()).env.set }).toEqual({});
    fs.writeFileSync(userFile(), "[env]\ndotenv = ['CORDON_TEST_KEY']\n");
    const config = await load();
    expect({ ...config.env.set }).toEqual({ CORDON_TEST_KEY: { value: "1", origin: ".env of the project" } });
    expect(config.preset.value).toBe("standard");
    expect(process.env["CORDON_TEST_KEY"]).toBeUndefined();
    fs.renameSync(path.join(project, ".env"), path.join(root, "elsewhere"));
    fs.symlinkSync("../elsewhere", path.join(project, ".env"));
    expect(await codeOf(load())).toBe("E_CONFIG_UNREADABLE");
  });

  test("--env-file: every name; a missing file or a line that means nothing is an error", async () => {
    const envFile = flags.find(({ long }) => long === "env-file")!;
    const loadFile = (name: string) => load([readGiven(envFile, name, "--env-file")]);
    fs.writeFileSync(path.join(project, "vars"), "A=1\nB='2'\n");
    expect({ ...(await loadFile("vars")).env.set }).toEqual({
      A: { value: "1", origin: "--env-file" },
      B: { value: "2", origin: "--env-file" },
    });
    expect(await codeOf(loadFile("missing"))).toBe("E_OPTION_INVALID");
    fs.writeFileSync(path.join(project, "vars"), "A=1\nwhat\n");
    expect(loadFile("vars")).rejects.toThrow("vars:2");
  });
});
