import { describe, expect, test } from "bun:test";
import { type Agents, parseArgv } from "../../src/cli/argv.ts";
import { flags, spellingsOf } from "../../src/cli/flags.ts";
import type { CordonError } from "../../src/errors.ts";

const agents: Agents = {
  default: "claude",
  known: [
    { name: "claude", options: ["--resume", "--session-id", "--model", "-p", "--agents"] },
    { name: "codex", options: [] },
    { name: "mine", options: [] },
  ],
};

const parse = async (argv: string[], findAgents = async () => agents) => {
  const { given, ...rest } = await parseArgv(argv, findAgents);
  return { ...rest, given: given.map(({ origin, value }) => `${origin}=${value}`) };
};

const failure = async (argv: string[]): Promise<CordonError> => {
  try {
    await parseArgv(argv, async () => agents);
  } catch (error) {
    return error as CordonError;
  }
  throw new Error(`${argv.join(" ")} was accepted`);
};

const agent = (words: string[], given: string[] = [], name?: string) => ({
  command: "agent",
  ...(name !== undefined && { agent: name }),
  words,
  given,
});

describe("what a command line means", () => {
  const table: [string[], object][] = [
    [[], agent([])],
    [["fix the test"], agent(["fix the test"])],
    [["fix\nthe test", "--model", "opus"], agent(["fix\nthe test", "--model", "opus"])],
    [["--resume"], agent(["--resume"])],
    [["-p", "say hello"], agent(["-p", "say hello"])],
    [["-p", "--net", "none"], agent(["-p", "--net", "none"])],
    [["--model", "opus", "-p", "x"], agent(["--model", "opus", "-p", "x"])],
    [["--session-id", "1"], agent(["--session-id", "1"])],
    [["--session-id=1"], agent(["--session-id=1"])],
    [["--zzz-unheard-of", "claude"], agent(["--zzz-unheard-of", "claude"])],
    [["-hx"], agent(["-hx"])],
    [["-"], agent(["-"])],
    [["claude"], agent([], [], "claude")],
    [["claude", "--help"], agent(["--help"], [], "claude")],
    [["claude", "--net", "open"], agent(["--net", "open"], [], "claude")],
    [["codex", "exec", "--", "a b"], agent(["exec", "--", "a b"], [], "codex")],
    [["mine", "--version"], agent(["--version"], [], "mine")],
    [["claude", "--presset", "x"], agent(["--presset", "x"], [], "claude")],
    [["--net", "none", "claude", "--net", "open"], agent(["--net", "open"], ["--net=none"], "claude")],
    [["--net=none", "--safe", "a b"], agent(["a b"], ["--net=none", "--safe=true"])],
    [["--network", "none"], agent([], ["--network=none"])],
    [["--command", "claude-next", "claude"], agent([], ["--command=claude-next"], "claude")],
    [["--env", "A=", "--env", "B=x=y", "codex"], agent([], ["--env=A=", "--env=B=x=y"], "codex")],
    [["--env", "__proto__=1", "--resume"], agent(["--resume"], ["--env=__proto__=1"])],
    [["--add-dir=-odd", "claude"], agent([], ["--add-dir=-odd"], "claude")],
    [["--net", "open", "--resume", "--net", "none"], agent(["--resume", "--net", "none"], ["--net=open"])],
    [["-P", "3000", "-P", "auto", "claude", "-P"], agent(["-P"], ["-P=3000", "-P=auto"], "claude")],
    [["--allow-host", "*.a.example:443", "codex"], agent([], ["--allow-host=*.a.example:443"], "codex")],
    [["run", "--", "-x"], { command: "run", words: ["-x"], given: [] }],
    [["run", "ls", "-la", "--json"], { command: "run", words: ["ls", "-la", "--json"], given: [] }],
    [["run", "--", "ls", "--", "x"], { command: "run", words: ["ls", "--", "x"], given: [] }],
    [["run", ""], { command: "run", words: [""], given: [] }],
    [
      ["--net", "none", "run", "--json", "--", "ls"],
      { command: "run", words: ["ls"], given: ["--net=none", "--json=true"] },
    ],
    [["run", "--net=none", "ls", "--net=x"], { command: "run", words: ["ls", "--net=x"], given: ["--net=none"] }],
    [["run", "claude", "--help"], { command: "run", words: ["claude", "--help"], given: [] }],
    [["shell"], { command: "shell", words: [], given: [] }],
    [["exec", "ab", "ls", "-l"], { command: "exec", words: ["ab", "ls", "-l"], given: [] }],
    [["exec", "ab", "--", "ls", "-l"], { command: "exec", words: ["ab", "ls", "-l"], given: [] }],
    [["stop", "a", "--all", "b"], { command: "stop", words: ["a", "b"], given: ["--all=true"] }],
    [["trust", "--yes"], { command: "trust", words: [], given: ["--yes=true"] }],
    [["policy", "explain", "/etc"], { command: "policy", words: ["explain", "/etc"], given: [] }],
    [["--info", "--json"], { command: "doctor", words: [], given: ["--info=true", "--json=true"] }],
    [["info"], { command: "doctor", words: [], given: [] }],
    [["cleanup"], { command: "clean", words: [], given: [] }],
    [["--help"], { command: "help", words: [], given: ["--help=true"] }],
    [["-h", "run"], { command: "help", words: ["run"], given: ["-h=true"] }],
    [["run", "--help"], { command: "help", words: ["run"], given: ["--help=true"] }],
    [["--version"], { command: "version", words: [], given: ["--version=true"] }],
    [["-V", "claude"], { command: "version", words: [], given: ["-V=true"] }],
  ];
  test.each(table)("%j", async (argv, expected) => {
    expect(await parse(argv)).toEqual(expected as never);
  });

  test("nothing of cordon's own asks for the agents, so that a broken configuration does not matter", async () => {
    const broken = async (): Promise<Agents> => {
      throw new Error("the configuration was read");
    };
    for (const argv of [["--help"], ["--version"], ["help"], ["config", "path"], ["trust"], ["man"], ["a prompt"], []])
      await parse(argv, broken);
    expect(parse(["--resume"], broken)).rejects.toThrow("the configuration was read");
  });
});

describe("what is refused", () => {
  const table: [string[], string, RegExp][] = [
    [["--presset", "strict"], "E_OPTION_UNKNOWN", /`--preset`.*`cordon claude --presset`/],
    [["--presset=strict", "claude"], "E_OPTION_UNKNOWN", /`--preset`.*`cordon claude --presset`/],
    [["--safe", "--ent", "none"], "E_OPTION_UNKNOWN", /`--net`/],
    [["--add_dir", "x"], "E_OPTION_UNKNOWN", /`--add-dir`/],
    [["--Net", "none"], "E_OPTION_UNKNOWN", /`--net`/],
    [["--cred", "none"], "E_OPTION_UNKNOWN", /`--credentials`/],
    [["run", "--zzz", "ls"], "E_OPTION_UNKNOWN", /follow its name/],
    [["doctor", "--jsn"], "E_OPTION_UNKNOWN", /`--json`/],
    [["trust", "--revok"], "E_OPTION_UNKNOWN", /`--revoke`/],
    [["--net"], "E_OPTION_INVALID", /--help/],
    [["--net", "--safe"], "E_OPTION_INVALID", /--help/],
    [["--agent-command", "--safe"], "E_OPTION_INVALID", /--help/],
    [["--net="], "E_OPTION_INVALID", /--help/],
    [["--net", "nonne"], "E_OPTION_INVALID", /`none`/],
    [["--preset", "Strict"], "E_OPTION_INVALID", /`strict`/],
    [["--safe=false"], "E_OPTION_INVALID", /--help/],
    [["--memory", "-1"], "E_OPTION_INVALID", /--help/],
    [["--memory=-1g"], "E_OPTION_INVALID", /--help/],
    [["--memory", "4"], "E_OPTION_INVALID", /--help/],
    [["--memory", "NaN"], "E_OPTION_INVALID", /--help/],
    [["--cpus", "0"], "E_OPTION_INVALID", /--help/],
    [["--cpus", "1e3"], "E_OPTION_INVALID", /--help/],
    [["--pids", "1.5"], "E_OPTION_INVALID", /--help/],
    [["--timeout", "25d"], "E_OPTION_INVALID", /--help/],
    [["--timeout", "0s"], "E_OPTION_INVALID", /--help/],
    [["--env", "1A=x"], "E_OPTION_INVALID", /--help/],
    [["--env", "=x"], "E_OPTION_INVALID", /--help/],
    [["--allow-host", "a b"], "E_OPTION_INVALID", /HOST, \*\.HOST/],
    [["--allow-host", "https://a.example"], "E_OPTION_INVALID", /host alone/],
    [["--deny-host", "a.example:0"], "E_OPTION_INVALID", /1 to 65535/],
    [["--allow-host", "localhost:3000"], "E_OPTION_INVALID", /`--host-port 3000`/],
    [["--host-port", "70000"], "E_OPTION_INVALID", /--help/],
    [["-P", "80:"], "E_OPTION_INVALID", /--help/],
    [["--publish", "0"], "E_OPTION_INVALID", /--help/],
    [["claud"], "E_COMMAND_UNKNOWN", /`cordon claude`/],
    [["docter"], "E_COMMAND_UNKNOWN", /`cordon doctor`/],
    [["mien"], "E_COMMAND_UNKNOWN", /`cordon mine`/],
    [["make"], "E_COMMAND_UNKNOWN", /`cordon run -- make`/],
    [[""], "E_COMMAND_UNKNOWN", /run/],
    [["--", "npm", "test"], "E_USAGE", /cordon run/],
    [["run"], "E_USAGE", /cordon run/],
    [["run", "--"], "E_USAGE", /cordon run/],
    [["exec", "id"], "E_USAGE", /cordon exec/],
    [["ps", "x"], "E_USAGE", /cordon ps/],
    [["self-update"], "E_FEATURE_UNBUILT", /--help/],
    [["self-update"], "E_FEATURE_UNBUILT", /--help/],
    [["image", "--json"], "E_FEATURE_UNBUILT", /--help/],
  ];
  test.each(table)("%j is %s", async (argv, code, hint) => {
    const error = await failure(argv);
    expect(error.code as string).toBe(code);
    expect(error.hint).toMatch(hint);
    expect(error.exit).toBe(125);
  });

  test("every option of a feature that does not exist yet, wherever cordon's options stand", async () => {
    const waiting = flags.filter((flag) => flag.unbuilt);
    expect(waiting.length).toBeGreaterThan(3);
    for (const flag of waiting)
      for (const spelling of spellingsOf(flag)) {
        const option = flag.kind === "switch" ? [spelling] : [spelling, "x"];
        expect((await failure([...option, "claude"])).code).toBe("E_FEATURE_UNBUILT");
        expect((await failure(["run", ...option, "ls"])).code).toBe("E_FEATURE_UNBUILT");
      }
  });
});
