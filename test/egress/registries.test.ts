import { describe, expect, test } from "bun:test";
import { claude } from "../../src/agents/catalog/claude.ts";
import { codex } from "../../src/agents/catalog/codex.ts";
import { opencode } from "../../src/agents/catalog/opencode.ts";
import { baseUrlDemands, endpointOf } from "../../src/egress/base-url.ts";
import { isProblem, parsePattern } from "../../src/egress/pattern.ts";
import { registryDemands } from "../../src/egress/registries.ts";

const demandsOf = (files: Record<string, string>, env: Record<string, string> = {}) => {
  const reader = {
    read: (file: string) => files[file],
    list: (directory: string) =>
      Object.keys(files)
        .filter((file) => file.startsWith(`${directory}/`))
        .map((file) => file.slice(directory.length + 1)),
  };
  return registryDemands({ home: "/home/ada", env }, reader);
};
const ownRules = (files: Record<string, string>, env: Record<string, string> = {}) =>
  demandsOf(files, env)
    .allow.filter(({ origin }) => origin !== "preset registries")
    .map(({ value, origin }) => `${value} ${origin}`);
const publicHosts = (files: Record<string, string>, env: Record<string, string> = {}) =>
  demandsOf(files, env)
    .allow.filter(({ origin }) => origin === "preset registries")
    .map(({ value }) => value);

test("without any configuration the public registries, by rules that can be read", () => {
  const { allow, hostPorts } = demandsOf({});
  expect(hostPorts).toEqual([]);
  const hosts = ["*.npmjs.org:443", "pypi.org:443", "*.crates.io:443", "proxy.golang.org:443", "*.debian.org:80"];
  expect(allow.map(({ value }) => value)).toEqual(expect.arrayContaining(hosts));
  expect(allow.filter(({ value }) => isProblem(parsePattern(value)))).toEqual([]);
  expect(new Set(allow.map(({ origin }) => origin))).toEqual(new Set(["preset registries"]));
});

describe("a registry of the user's own takes the public one's place", () => {
  const mirror = "https://ada:s3cret@packages.example.test:8443/path/?token=s3cret";
  const at = "packages.example.test:8443";
  const table: [string, string, string, string][] = [
    ["*.npmjs.org:443", ".npmrc", `//x/:_authToken=s3cret\nregistry=${mirror}\n`, ".npmrc"],
    ["*.npmjs.org:443", ".npmrc", `registry = "${mirror}"`, ".npmrc"],
    ["*.npmjs.org:443", ".yarnrc.yml", `npmRegistryServer: "${mirror}"\n`, ".yarnrc.yml"],
    ["*.npmjs.org:443", ".yarnrc", `registry "${mirror}"\n`, ".yarnrc"],
    ["*.npmjs.org:443", ".bunfig.toml", `[install]\nregistry = "${mirror}"\n`, ".bunfig.toml"],
    ["pypi.org:443", ".config/pip/pip.conf", `[global]\nindex-url = ${mirror}\n`, ".config/pip/pip.conf"],
    ["pypi.org:443", ".config/uv/uv.toml", `[[index]]\nurl = "${mirror}"\ndefault = true\n`, ".config/uv/uv.toml"],
    [
      "crates.io:443",
      ".cargo/config.toml",
      `[source.crates-io]\nreplace-with = "own"\n[source.own]\nregistry = "sparse+${mirror}"\n`,
      ".cargo/config.toml",
    ],
    ["proxy.golang.org:443", ".config/go/env", `GOPROXY=${mirror},direct\n`, ".config/go/env"],
    [
      "*.maven.org:443",
      ".m2/settings.xml",
      `<mirror><url>${mirror}</url><mirrorOf>*</mirrorOf></mirror>`,
      ".m2/settings.xml",
    ],
    ["rubygems.org:443", ".gemrc", `:sources:\n- ${mirror}\n`, ".gemrc"],
  ];
  test.each(table)("%s: ~/%s", (replaced, file, text, label) => {
    const files = { [`/home/ada/${file}`]: text };
    expect(ownRules(files)).toEqual([`${at} preset registries (~/${label})`]);
    expect(publicHosts({})).toContain(replaced);
    expect(publicHosts(files)).not.toContain(replaced);
    expect(JSON.stringify(demandsOf(files))).not.toMatch(/s3cret|ada/);
  });

  test.each([
    ["npm_config_registry", "*.npmjs.org:443"],
    ["PIP_INDEX_URL", "pypi.org:443"],
    ["UV_DEFAULT_INDEX", "pypi.org:443"],
    ["GOPROXY", "proxy.golang.org:443"],
  ])("%s", (name, replaced) => {
    expect(ownRules({}, { [name]: mirror })).toEqual([`${at} preset registries (${name})`]);
    expect(publicHosts({}, { [name]: mirror })).not.toContain(replaced);
  });

  test("the sources of apt, in both forms, with the ports that they use", () => {
    const files = {
      "/etc/apt/sources.list":
        "# deb http://old.example.test/ x\ndeb [arch=amd64] http://a.example.test/debian stable main\n",
      "/etc/apt/sources.list.d/own.sources":
        "Types: deb\nURIs: https://b.example.test/x\n  http://c.example.test:8080/\nSuites: y\n",
      "/etc/apt/sources.list.d/other.txt": "deb http://never.example.test/ x\n",
    };
    expect(ownRules(files).map((rule) => rule.split(" ")[0]!)).toEqual([
      ...["a.example.test:80", "b.example.test:443", "c.example.test:8080"],
    ]);
    expect(publicHosts(files)).not.toContain("*.debian.org:80");
  });
});

test("the tools inside are told of a registry of the user's own, unless its address may hold a secret", () => {
  const told = (url: string) => demandsOf({ "/home/ada/.npmrc": `registry=${url}\n` }).variables;
  expect(told("https://npm.example.test/npm/")).toEqual([
    { name: "npm_config_registry", value: "https://npm.example.test/npm/", origin: "preset registries (~/.npmrc)" },
  ]);
  for (const secret of ["https://ada:s3cret@npm.example.test/", "https://npm.example.test/?token=s3cret"])
    expect(told(secret)).toEqual([]);
  expect(demandsOf({}).variables).toEqual([]);
  expect(demandsOf({}, { GOPROXY: "https://go.example.test,direct" }).variables[0]?.value).toBe(
    "https://go.example.test",
  );
});

test("a further registry stands beside the public one", () => {
  const scoped = { "/home/ada/.npmrc": "@corp:registry=https://npm.example.test/\n" };
  expect(ownRules(scoped)).toEqual(["npm.example.test:443 preset registries (~/.npmrc)"]);
  expect(publicHosts(scoped)).toContain("*.npmjs.org:443");
  const extra = {
    PIP_EXTRA_INDEX_URL: "https://a.example.test/ https://b.example.test/",
    UV_INDEX: "own=https://c.example.test/",
  };
  expect(
    ownRules({}, extra)
      .map((rule) => rule.split(":")[0]!)
      .sort(),
  ).toEqual(["a.example.test", "b.example.test", "c.example.test"]);
  expect(publicHosts({}, extra)).toContain("pypi.org:443");
});

test("variables in a configuration are filled in, comments are none, and nonsense asks for nothing", () => {
  const filled = { "/home/ada/.npmrc": ["registry=$", "{CORP}/npm"].join("") };
  expect(ownRules(filled, { CORP: "https://npm.example.test" })).toEqual([
    "npm.example.test:443 preset registries (~/.npmrc)",
  ]);
  for (const text of ["# registry=https://a.example.test", "registry=", "registry=not a url", "\0\u{1f600}"])
    expect([ownRules({ "/home/ada/.npmrc": text }), publicHosts({ "/home/ada/.npmrc": text })]).toEqual([
      [],
      publicHosts({}),
    ]);
  expect(ownRules({}, { GOPROXY: "off" })).toEqual([]);
});

test("a registry on this machine is a port of its loopback", () => {
  expect(demandsOf({ "/home/ada/.npmrc": "registry=http://localhost:4873/\n" }).hostPorts).toEqual([
    { value: 4873, origin: "preset registries (~/.npmrc)" },
  ]);
});

describe("base URLs", () => {
  test.each([
    ["https://llm.example.test", { kind: "host", value: "llm.example.test:443" }],
    ["http://Llm.example.test:8080/v1", { kind: "host", value: "llm.example.test:8080", isPlain: true }],
    ["http://10.1.2.3:8080", { kind: "host", value: "10.1.2.3:8080", isPlain: true }],
    ["http://[fd00::1]:8080", { kind: "host", value: "[fd00:0:0:0:0:0:0:1]:8080", isPlain: true }],
    ["http://localhost:11434", { kind: "host-port", port: 11434 }],
    ["http://127.0.0.1", { kind: "host-port", port: 80 }],
    ["http://2130706433:9", { kind: "host-port", port: 9 }],
    ["http://[::1]:9", { kind: "host-port", port: 9 }],
    ["http://0.0.0.0:9", undefined],
    ["llm.example.test", undefined],
    ["unix:///run/x", undefined],
    ["", undefined],
  ])("%s", (url, endpoint) => {
    expect(endpointOf(url)).toEqual(endpoint as ReturnType<typeof endpointOf>);
  });

  test("of a variable, and of the agent's own settings", () => {
    const variables = { ANTHROPIC_BASE_URL: "http://localhost:4000", OTHER_BASE_URL: "https://x.example.test" };
    const settings = {
      label: "~/.claude/settings.json",
      text: '{"env":{"A":"1","ANTHROPIC_BASE_URL":"https://llm.example.test"}}',
    };
    expect(baseUrlDemands(claude, variables, settings)).toEqual({
      allow: [
        { value: "llm.example.test:443", origin: "~/.claude/settings.json (ANTHROPIC_BASE_URL)", mayBePrivate: true },
      ],
      hostPorts: [{ value: 4000, origin: "ANTHROPIC_BASE_URL" }],
    });
    const toml =
      'model = "x"\n# openai_base_url = "https://old.example.test"\nopenai_base_url = "https://new.example.test/v1"\n';
    expect(baseUrlDemands(codex, {}, { label: "config.toml", text: toml }).allow).toEqual([
      { value: "new.example.test:443", origin: "config.toml (openai_base_url)", mayBePrivate: true },
    ]);
    const content = '{"provider":{"x":{"options":{"baseURL":"http://127.0.0.1:8123/v1"}}}}';
    expect(baseUrlDemands(opencode, { OPENCODE_CONFIG_CONTENT: content }, undefined).hostPorts).toEqual([
      { value: 8123, origin: "OPENCODE_CONFIG_CONTENT (baseURL)" },
    ]);
  });
});
