import { expect, test } from "bun:test";
import { flags } from "../../src/cli/flags.ts";
import { type Given, readGiven } from "../../src/cli/given.ts";
import type { Config, ConfigValues, Setting } from "../../src/config/config.ts";
import { resolveConfig, type Sources } from "../../src/config/resolve.ts";
import { cacheModes, credentialModes, networkModes, networkPresets, presets } from "../../src/config/values.ts";
import { CordonError } from "../../src/errors.ts";

/** A small generator with a seed, so that a failure can be repeated (mulberry32). */
const randomOf = (seed: number) => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

type Random = () => number;
const oneOf = <T>(random: Random, values: readonly T[]): T => values[Math.floor(random() * values.length)]!;

/** Draws each key with the given chance; paths, hosts and names come from small pools so that layers meet. */
const drawValues = (random: Random, chance: number): ConfigValues => {
  const maybe = <T>(draw: () => T): T | undefined => (random() < chance ? draw() : undefined);
  const list = (pool: string[]) => maybe(() => pool.filter(() => random() < 0.5));
  const limit = () => oneOf(random, ["64m", "1g", "2g"]);
  return {
    agent: maybe(() => oneOf(random, ["claude", "codex"])),
    backend: maybe(() => oneOf(random, ["auto", "native", "docker"])),
    preset: maybe(() => oneOf(random, presets)),
    credentials: maybe(() => oneOf(random, credentialModes)),
    timeout: maybe(() => oneOf(random, ["1m", "1h"])),
    filesystem: {
      read: list(["/a", "b/c"]),
      write: list(["/a", "b"]),
      hide: list(["/a", "b"]),
      "hide-secrets": maybe(() => random() < 0.5),
    },
    setup: maybe(() => "make ready"),
    caches: maybe(() => oneOf(random, cacheModes)),
    network: {
      mode: maybe(() => oneOf(random, networkModes)),
      allow: list(["a.example", "b.example"]),
      deny: list(["a.example", "b.example"]),
      presets: maybe(() => networkPresets.filter(() => random() < 0.5)),
      "host-ports": maybe(() => [80, 5432].filter(() => random() < 0.5)),
      publish: list(["80", "auto"]),
    },
    env: { pass: list(["A", "B"]), set: maybe(() => ({ [oneOf(random, ["A", "B"])]: "x" })) },
    resources: {
      cpus: maybe(() => oneOf(random, [1, 2])),
      memory: maybe(limit),
      pids: maybe(() => oneOf(random, [8, 64])),
      disk: maybe(limit),
    },
    widen: { userns: maybe(() => random() < 0.5), browser: maybe(() => random() < 0.5) },
    agents: maybe(() => ({ mine: { command: oneOf(random, ["m", "n"]) } })),
    services: maybe(() => ({ forge: { variable: oneOf(random, ["A", "B"]) } })),
  };
};

const drawGiven = (random: Random): Given[] => {
  const pool: [string, string?][] = [
    ["preset", oneOf(random, presets)],
    ["net", oneOf(random, networkModes)],
    ["credentials", oneOf(random, credentialModes)],
    ["memory", oneOf(random, ["64m", "2g"])],
    ["timeout", "2h"],
    ["safe"],
    ["allow-userns"],
    ["add-dir", "/a/deeper"],
    ["env", "A=flag"],
  ];
  return pool
    .filter(() => random() < 0.2)
    .map(([long, value]) => readGiven(flags.find((flag) => flag.long === long)!, value, `--${long}`));
};

const without = { home: "/h", project: "/h/p" };
const resolveBoth = (user: ConfigValues, project: ConfigValues, given: Given[]): [Config, Config] => {
  const alone: Sources = { ...without, user: { values: user, label: "user", directory: "/h/.config/cordon" } };
  const projectFile = { values: project, label: "project", trusted: false };
  return [resolveConfig(alone, given), resolveConfig({ ...alone, projectFile }, given)];
};

const rank = {
  preset: ["strict", "standard", "open"],
  mode: ["none", "filtered", "open"],
  credentials: ["none", "broker", "share"],
};
const modeOfPreset = { open: "open", standard: "filtered", strict: "filtered" } as const;
const presetsOf = ({ network, preset }: Config) =>
  network.presets?.value ?? (preset.value === "strict" ? [] : networkPresets);
const modeOf = ({ network, preset }: Config) => network.mode?.value ?? modeOfPreset[preset.value];
const limitsOf = ({ resources, timeoutMs }: Config) => [
  ...(["cpus", "memoryBytes", "pids", "diskBytes"] as const).map((name) => resources[name]),
  timeoutMs,
];
const isAtMost = (narrow: Setting<number> | undefined, wide: Setting<number> | undefined) =>
  !wide || (narrow !== undefined && narrow.value <= wide.value);
const valuesOf = (rules: readonly { value: string }[]) => rules.map(({ value }) => value);

/** In what `narrow` is wider than `wide`. Written against the meaning of the settings, not with the code under test. */
const widerIn = (narrow: Config, wide: Config): string[] => {
  const checks: Record<string, boolean> = {
    preset: rank.preset.indexOf(narrow.preset.value) <= rank.preset.indexOf(wide.preset.value),
    mode: rank.mode.indexOf(modeOf(narrow)) <= rank.mode.indexOf(modeOf(wide)),
    credentials: rank.credentials.indexOf(narrow.credentials.value) <= rank.credentials.indexOf(wide.credentials.value),
    backend: narrow.backend.value === wide.backend.value,
    read: Bun.deepEquals(narrow.filesystem.read, wide.filesystem.read),
    write: Bun.deepEquals(narrow.filesystem.write, wide.filesystem.write),
    hide: valuesOf(wide.filesystem.hide).every((path) => valuesOf(narrow.filesystem.hide).includes(path)),
    hideSecrets: !wide.filesystem.hideSecrets?.value || narrow.filesystem.hideSecrets?.value === true,
    caches: narrow.caches?.value !== "shared" || wide.caches?.value === "shared",
    notify: Bun.deepEquals(narrow.notify, wide.notify),
    allow: Bun.deepEquals(narrow.network.allow, wide.network.allow),
    deny: valuesOf(wide.network.deny).every((host) => valuesOf(narrow.network.deny).includes(host)),
    networkPresets: presetsOf(narrow).every((preset) => presetsOf(wide).includes(preset)),
    hostPorts: Bun.deepEquals(narrow.network.hostPorts, wide.network.hostPorts),
    publish: Bun.deepEquals(narrow.network.publish, wide.network.publish),
    env: Bun.deepEquals(narrow.env, wide.env),
    limits: limitsOf(narrow).every((limit, index) => isAtMost(limit, limitsOf(wide)[index])),
    userns: !narrow.widen.userns?.value || wide.widen.userns?.value === true,
    browser: !narrow.widen.browser?.value || wide.widen.browser?.value === true,
    agents: Bun.deepEquals(narrow.agents, wide.agents),
    services: Bun.deepEquals(narrow.services, wide.services),
  };
  return Object.keys(checks).filter((name) => !checks[name]);
};

test("a project without trust never makes a configuration wider, whatever the user and the flags say", () => {
  const counts = { refused: 0, narrowed: 0 };
  for (let seed = 0; seed < 20_000; seed++) {
    const random = randomOf(seed);
    const [user, project, given] = [drawValues(random, 0.4), drawValues(random, 0.12), drawGiven(random)];
    try {
      const [wide, narrow] = resolveBoth(user, project, given);
      expect({ seed, wider: widerIn(narrow, wide) }).toEqual({ seed, wider: [] });
      if (!Bun.deepEquals(narrow, wide)) counts.narrowed += 1;
    } catch (error) {
      if (!(error instanceof CordonError)) throw error;
      expect(error.code).toBe("E_CONFIG_WIDENS");
      counts.refused += 1;
    }
  }
  expect(counts.refused).toBeGreaterThan(1000);
  expect(counts.narrowed).toBeGreaterThan(1000);
});

test("the measure itself sees a widening", () => {
  const [plain] = resolveBoth({}, {}, []);
  const [wide] = resolveBoth(
    {
      preset: "open",
      network: { mode: "open", allow: ["a"], "host-ports": [80], publish: ["80"] },
      filesystem: { read: ["/a"], write: ["/b"] },
      caches: "shared",
      notify: { by: ["bell"] },
      env: { set: { A: "1" } },
      widen: { userns: true, browser: true },
      agents: { mine: { command: "m" } },
      backend: "docker",
    },
    {},
    [],
  );
  expect(widerIn(wide, plain)).toEqual([
    "preset",
    "mode",
    "backend",
    "read",
    "write",
    "caches",
    "notify",
    "allow",
    "hostPorts",
    "publish",
    "env",
    "userns",
    "browser",
    "agents",
  ]);
});
