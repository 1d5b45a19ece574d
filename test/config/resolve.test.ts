import { describe, expect, test } from "bun:test";
import { flags } from "../../src/cli/flags.ts";
import { type Given, readGiven } from "../../src/cli/given.ts";
import type { Config, ConfigValues } from "../../src/config/config.ts";
import { hidden, listSettings } from "../../src/config/listing.ts";
import { policyOf } from "../../src/config/policy.ts";
import { resolveConfig, type Sources } from "../../src/config/resolve.ts";
import type { CordonError } from "../../src/errors.ts";

const userLabel = "user config ~/.config/cordon/config.toml";
const projectLabel = "project config .cordon.toml";

const given = (...options: [string, string?][]): Given[] =>
  options.map(([name, value]) => {
    const isVariable = name.startsWith("CORDON_");
    const long = isVariable ? name.slice(7).toLowerCase().replaceAll("_", "-") : name.slice(2);
    return readGiven(flags.find((flag) => flag.long === long)!, value, name);
  });

const sourcesOf = (user?: ConfigValues, project?: ConfigValues, trusted = false): Sources => ({
  home: "/home/me",
  project: "/home/me/project",
  ...(user && { user: { values: user, label: userLabel, directory: "/home/me/.config/cordon" } }),
  ...(project && { projectFile: { values: project, label: projectLabel, trusted } }),
});

const failureOf = (run: () => unknown): CordonError => {
  try {
    run();
  } catch (error) {
    return error as CordonError;
  }
  throw new Error("nothing was refused");
};

describe("which layer wins", () => {
  test("defaults", () => {
    expect(resolveConfig(sourcesOf(), [])).toEqual({
      agent: { value: "claude", origin: "default" },
      backend: { value: "auto", origin: "default" },
      preset: { value: "standard", origin: "default" },
      credentials: { value: "broker", origin: "default" },
      notify: { by: [] },
      filesystem: { read: [], write: [], hide: [] },
      network: { allow: [], deny: [], hostPorts: [], publish: [] },
      env: { pass: [], set: {}, dotenv: [] },
      resources: {},
      widen: {},
      sshKeys: [],
      agents: {},
      services: {},
      secretFiles: {},
    });
  });

  test("defaults < user < project < variables < flags, each with its origin", () => {
    const steps: [ConfigValues | undefined, ConfigValues | undefined, Given[], string, string][] = [
      [{ preset: "open" }, undefined, [], "open", `${userLabel} (preset)`],
      [{ preset: "open" }, { preset: "standard" }, [], "standard", `${projectLabel} (preset)`],
      [{ preset: "open" }, { preset: "standard" }, given(["CORDON_PRESET", "open"]), "open", "CORDON_PRESET"],
      [
        { preset: "open" },
        { preset: "standard" },
        given(["CORDON_PRESET", "open"], ["--preset", "strict"]),
        "strict",
        "--preset",
      ],
      [undefined, undefined, given(["--preset", "strict"], ["--preset", "open"]), "open", "--preset"],
    ];
    for (const [user, project, options, value, origin] of steps)
      expect(resolveConfig(sourcesOf(user, project), options).preset).toEqual({ value, origin } as Config["preset"]);
  });

  test("lists add up and keep their origins; paths start where they were written", () => {
    const config = resolveConfig(
      sourcesOf({ filesystem: { hide: ["~/a", "b", "/c/"] } }, { filesystem: { hide: ["./d"] } }),
      given(["--deny-path", "../e"], ["--add-dir", "/w"], ["--add-dir", "r:ro"], ["--allow-readonly", "~"]),
    );
    expect(config.filesystem.hide).toEqual([
      { value: "/home/me/a", origin: `${userLabel} (filesystem.hide)` },
      { value: "/home/me/.config/cordon/b", origin: `${userLabel} (filesystem.hide)` },
      { value: "/c", origin: `${userLabel} (filesystem.hide)` },
      { value: "/home/me/project/d", origin: `${projectLabel} (filesystem.hide)` },
      { value: "/home/me/e", origin: "--deny-path" },
    ]);
    expect(config.filesystem.write).toEqual([{ value: "/w", origin: "--add-dir" }]);
    expect(config.filesystem.read.map(({ value }) => value)).toEqual(["/home/me/project/r", "/home/me"]);
  });

  test.each(["~other/x", "$HOME/.ssh", "a/$" + "{X}", "*.pem", "link/../secret"])("the path %s is refused", (path) => {
    const error = failureOf(() => resolveConfig(sourcesOf({ filesystem: { hide: [path] } }), []));
    expect(error.code).toBe("E_PATH_INVALID");
    expect(error.message).toContain(path);
  });

  test("limits become numbers, variables merge by name, odd names are only names", () => {
    const config = resolveConfig(
      sourcesOf({ resources: { memory: "1g", cpus: 2 }, timeout: "2m", env: { set: { A: "user", B: "user" } } }),
      given(["--memory", "1.5g"], ["--pids", "64"], ["--env", "A=flag"], ["--env", "__proto__=x"], ["--env", "PASS"]),
    );
    expect(config.resources).toEqual({
      cpus: { value: 2, origin: `${userLabel} (resources.cpus)` },
      memoryBytes: { value: 1.5 * 1024 ** 3, origin: "--memory" },
      pids: { value: 64, origin: "--pids" },
    });
    expect(config.timeoutMs?.value).toBe(120_000);
    expect(Object.entries(config.env.set).map(([name, { value }]) => [name, value])).toEqual([
      ["A", "flag"],
      ["B", "user"],
      ["__proto__", "x"],
    ]);
    expect(config.env.set["constructor"]).toBeUndefined();
    expect(config.agents["toString"]).toBeUndefined();
    expect(config.env.pass).toEqual([{ value: "PASS", origin: "--env" }]);
  });

  test("switches, the agent's command, files of variables", () => {
    const config = resolveConfig(
      { ...sourcesOf(), envFiles: { f: new Map([["A", "1"]]) }, dotenv: new Map([["K", "v"]]) },
      given(["--allow-userns"], ["--agent-command", "x"], ["--disable-background-tasks"], ["--env-file", "f"]),
    );
    expect(config.widen).toEqual({ userns: { value: true, origin: "--allow-userns" } });
    expect(config.agentCommand).toEqual({ value: "x", origin: "--agent-command" });
    expect({ ...config.env.set }).toEqual({
      K: { value: "v", origin: ".env of the project" },
      CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: { value: "1", origin: "--disable-background-tasks" },
      A: { value: "1", origin: "--env-file" },
    });
    const off = resolveConfig(sourcesOf({ widen: { browser: true } }), given(["CORDON_BROWSER", "0"]));
    expect(off.widen.browser).toEqual({ value: false, origin: "CORDON_BROWSER" });
  });

  test("the network's lists add up, and the last list of presets counts", () => {
    const user: ConfigValues = {
      network: { allow: ["a.example"], "host-ports": [80], presets: ["registries", "git-hosts"] },
    };
    const project: ConfigValues = { network: { deny: ["b.example"], presets: ["git-hosts"] } };
    const options = given(
      ["--allow-host", "*.c.example:443"],
      ["--host-port", "5432"],
      ["--publish", "auto"],
      ["--publish", "3000:80"],
    );
    const config = resolveConfig(sourcesOf(user, project), options);
    expect(config.network).toEqual({
      allow: [
        { value: "a.example", origin: `${userLabel} (network.allow)` },
        { value: "*.c.example:443", origin: "--allow-host" },
      ],
      deny: [{ value: "b.example", origin: `${projectLabel} (network.deny)` }],
      presets: { value: ["git-hosts"], origin: `${projectLabel} (network.presets)` },
      hostPorts: [
        { value: 80, origin: `${userLabel} (network.host-ports)` },
        { value: 5432, origin: "--host-port" },
      ],
      publish: [
        { value: "auto", origin: "--publish" },
        { value: "3000:80", origin: "--publish" },
      ],
    });
    expect(policyOf(config).network).toMatchObject({
      presets: ["git-hosts"],
      publish: [{ inside: 3000, outside: 80 }],
      publishAll: true,
    });
    const rows = listSettings(config).map(({ key, value }) => `${key} ${value}`);
    expect(rows).toEqual(
      expect.arrayContaining(["network.presets git-hosts", "network.host-ports 5432", "network.publish 3000:80"]),
    );
  });

  test("a preset's own sets of hosts stand until somebody names some", () => {
    const presetsOf = (user: ConfigValues, ...options: [string, string?][]) =>
      policyOf(resolveConfig(sourcesOf(user), given(...options))).network.presets;
    expect(presetsOf({})).toEqual(["registries", "git-hosts"]);
    expect(presetsOf({ preset: "strict" })).toEqual([]);
    expect(presetsOf({ preset: "strict", network: { presets: ["registries"] } })).toEqual(["registries"]);
    expect(presetsOf({ network: { presets: [] } })).toEqual([]);
  });

  test("--safe", () => {
    const open: ConfigValues = { preset: "open", network: { mode: "open" } };
    const safe = resolveConfig(sourcesOf(open), given(["--safe"]));
    expect(safe.preset).toEqual({ value: "standard", origin: "--safe" });
    expect(safe.network.mode).toBeUndefined();
    expect(resolveConfig(sourcesOf(open), given(["--safe"], ["--net", "open"])).network.mode?.value).toBe("open");
    expect(resolveConfig(sourcesOf(open), given(["CORDON_NET", "open"], ["--safe"])).network.mode).toBeUndefined();
    expect(resolveConfig(sourcesOf({ preset: "strict" }), given(["--safe"])).preset.value).toBe("strict");
    expect(resolveConfig(sourcesOf(open), given(["CORDON_SAFE", "0"])).preset.value).toBe("open");
  });
});

describe("a project without trust", () => {
  const refused: [ConfigValues, string, ConfigValues?][] = [
    [{ preset: "open" }, "preset"],
    [{ preset: "standard" }, "preset", { preset: "strict" }],
    [{ credentials: "share" }, "credentials", { credentials: "none" }],
    [{ network: { mode: "open" } }, "network.mode"],
    [{ network: { mode: "filtered" } }, "network.mode", { network: { mode: "none" } }],
    [{ network: { mode: "open" } }, "network.mode", { preset: "open" }],
    [{ network: { allow: ["a.example"] } }, "network.allow"],
    [{ filesystem: { read: ["/etc"] } }, "filesystem.read"],
    [
      { filesystem: { read: ["secrets/key"] } },
      "filesystem.read",
      { filesystem: { hide: ["/home/me/project/secrets"] } },
    ],
    [{ filesystem: { write: ["~"] } }, "filesystem.write"],
    [{ env: { pass: ["AWS_SECRET_ACCESS_KEY"] } }, "env.pass"],
    [{ env: { set: { LD_PRELOAD: "./x.so" } } }, "env.set"],
    [{ widen: { userns: true } }, "widen.userns"],
    [{ widen: { browser: true } }, "widen.browser", { widen: { browser: false } }],
    [{ resources: { memory: "8g" } }, "resources.memory", { resources: { memory: "4g" } }],
    [{ resources: { cpus: 9, pids: 9 } }, "resources.cpus, resources.pids", { resources: { cpus: 1, pids: 1 } }],
    [{ resources: { disk: "2g" } }, "resources.disk", { resources: { disk: "1g" } }],
    [{ resources: { disk: "5g" } }, "resources.disk"],
    [{ timeout: "1h" }, "timeout", { timeout: "1m" }],
    [{ backend: "docker" }, "backend"],
    [{ agents: { claude: { command: "./x" } } }, "agents.claude"],
    [
      { preset: "open", network: { allow: ["a"], mode: "none" }, widen: { userns: true } },
      "preset, network.allow, widen.userns",
    ],
  ];
  for (const [project, keys, user] of refused)
    test(`is refused for ${keys}: ${JSON.stringify(project).slice(0, 50)}`, () => {
      const error = failureOf(() => resolveConfig(sourcesOf(user, project), []));
      expect([error.code as string, error.message]).toEqual([
        "E_CONFIG_WIDENS",
        `${projectLabel} asks for more than your own settings allow: ${keys}`,
      ]);
      expect(failureOf(() => resolveConfig(sourcesOf(user, project), given(["--preset", "open"]))).code).toBe(
        "E_CONFIG_WIDENS",
      );
      expect(() => resolveConfig(sourcesOf(user, project, true), [])).not.toThrow();
    });

  test("may narrow, and no lower layer undoes that", () => {
    const config = resolveConfig(
      sourcesOf(
        { preset: "open", network: { mode: "open" }, widen: { userns: true }, resources: { memory: "8g" } },
        {
          agent: "codex",
          preset: "strict",
          credentials: "none",
          timeout: "1m",
          network: { mode: "none", deny: ["a.example"] },
          widen: { userns: false },
          resources: { memory: "1g", pids: 10 },
          filesystem: { hide: ["secrets"] },
          backend: "auto",
        },
      ),
      [],
    );
    expect(config.agent.value).toBe("codex");
    expect(config.preset.value).toBe("strict");
    expect(config.credentials.value).toBe("none");
    expect(config.network.mode?.value).toBe("none");
    expect(config.widen.userns?.value).toBe(false);
    expect(config.resources.memoryBytes?.value).toBe(1024 ** 3);
    expect(config.resources.pids?.value).toBe(10);
    expect(config.filesystem.hide.map(({ value }) => value)).toEqual(["/home/me/project/secrets"]);
  });
});

test("`cordon config` hides what may be secret", () => {
  const config = resolveConfig(
    {
      ...sourcesOf({ agents: { mine: { command: "m", env: { MY_TOKEN: "s3cret", MODE: "fast" } } } }),
      envFiles: { f: new Map([["PLAIN", "s3cret"]]) },
      dotenv: new Map([["OTHER", "s3cret"]]),
    },
    given(
      ["--env", "API_KEY=s3cret"],
      ["--env", "URL=https://me:s3cret@x/"],
      ["--env", "MODE=fast"],
      ["--env-file", "f"],
    ),
  );
  const rows = listSettings(config);
  expect(JSON.stringify(rows)).not.toContain("s3cret");
  const valueAt = (key: string) => rows.find((row) => row.key === key)?.value;
  for (const name of ["API_KEY", "URL", "PLAIN", "OTHER"]) expect(valueAt(`env.set.${name}`)).toBe(hidden);
  expect([valueAt("env.set.MODE"), valueAt("agents.mine.env.MODE")]).toEqual(["fast", "fast"]);
});
