import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { ServiceSettings } from "../../src/config/config.ts";
import { type CredentialRequest, findCredentials } from "../../src/credentials/find.ts";
import { isProblem, parsePattern } from "../../src/egress/pattern.ts";
import { createRules, decideRequest } from "../../src/egress/rules.ts";
import { placesOf } from "../../src/places.ts";
import { sampleHost } from "../plan/sample.ts";
import { makeHome } from "./lab.ts";

let lab: ReturnType<typeof makeHome>;
beforeEach(() => {
  lab = makeHome();
});
afterEach(() => lab.remove());

const find = async (env: Record<string, string>, services: Record<string, Partial<ServiceSettings>> = {}) => {
  const places = placesOf({}, lab.home, 1000);
  const host = { ...sampleHost, home: lab.home, realHome: lab.home, cwd: `${lab.home}/project`, env, places };
  const named = Object.entries(services).map(([name, settings]) => [name, { origin: `config (${name})`, ...settings }]);
  const request: CredentialRequest = {
    ...{ agent: undefined, host, mode: "broker", states: [], baseUrls: { allow: [], hostPorts: [] } },
    services: Object.fromEntries(named),
  };
  const found = await findCredentials(request);
  for (const { value } of found.deny) expect(isProblem(parsePattern(value))).toBe(false);
  for (const live of found.live.values()) await live.freshen();
  expect(JSON.stringify({ ...found, live: [] })).not.toContain("secret");
  return found;
};
const slot = (scheme: string) => ({ header: "authorization", scheme });

describe("a service of the user's own", () => {
  test("the value of a program, in the header that the server reads", async () => {
    const found = await find(
      { PATH: "/usr/bin:/bin" },
      {
        tickets: {
          hosts: ["api.example.test", "x.example.test:8443"],
          header: "X-Token",
          scheme: "none",
          command: "echo secret",
          variableInside: "TICKETS",
        },
      },
    );
    expect(found.injections).toEqual([
      {
        credential: "service tickets",
        placeholder: found.variables[0]!.value,
        slots: [{ header: "x-token" }],
        hosts: ["api.example.test:443", "x.example.test:8443"],
      },
    ]);
    expect(found.variables[0]!.name).toBe("TICKETS");
    expect(found.live.get("service tickets")!.value()).toBe("secret");
    expect(found.deny).toEqual([]);
  });

  test("basic with a user serves git, and `write = false` only reads", async () => {
    const file = lab.write("token", "secret\n");
    const found = await find(
      {},
      { forge: { hosts: ["git.example.test"], scheme: "basic", user: "ada", file, write: false } },
    );
    const { placeholder, slots } = found.injections[0]!;
    expect(slots as object[]).toEqual([slot("Basic")]);
    expect(found.gitCredentials).toEqual([{ url: "https://git.example.test", user: "ada", password: placeholder }]);
    const rules = createRules({ allow: [{ value: "git.example.test", origin: "test" }], deny: found.deny });
    const isAllowed = (method: string, path: string): boolean =>
      decideRequest(rules, "git.example.test", 443, method, path).allowed;
    for (const group of ["/ada/tools", "/house/team/tools.git", "/tools"]) {
      expect(isAllowed("POST", `${group}/git-upload-pack`)).toBe(true);
      expect(isAllowed("POST", `${group}/git-receive-pack`)).toBe(false);
      expect(isAllowed("DELETE", group)).toBe(false);
    }
    expect(found.live.get("service forge")!.value()).toBe("secret");
  });

  test("one that is switched off or has no value is left out", async () => {
    expect((await find({}, { a: { hosts: ["a.test"], variable: "A", enabled: false } })).notes).toEqual([]);
    const found = await find({}, { a: { hosts: ["a.test"], variable: "A" } });
    expect([found.injections, found.notes]).toEqual([[], ["nothing is put in for the service a: A is not set"]]);
  });

  test("one that says too little or too much is refused", async () => {
    for (const settings of [
      { variable: "A" },
      { hosts: ["a.test"] },
      { hosts: ["a.test"], variable: "A", command: "x" },
    ])
      await expect(find({ A: "secret" }, { a: settings })).rejects.toThrow("config (a)");
  });
});

describe("github", () => {
  test("the token of a variable, for the API, git, and reading only", async () => {
    const found = await find({ GITHUB_TOKEN: "secret" });
    const placeholder = found.variables[0]!.value;
    expect(found.variables.map(({ name }) => name)).toEqual(["GITHUB_TOKEN"]);
    expect(found.injections.map(({ hosts, slots }) => [hosts, slots as object[]])).toEqual([
      [
        ["api.github.com:443", "uploads.github.com:443"],
        [slot("Bearer"), slot("token")],
      ],
      [["github.com:443"], [slot("Basic")]],
    ]);
    expect(found.gitCredentials).toEqual([
      { url: "https://github.com", user: "x-access-token", password: placeholder },
    ]);
    expect(found.deny.map(({ value }) => value)).toContain("POST github.com/*/*/git-receive-pack");
    expect((await find({ GITHUB_TOKEN: "secret" }, { github: { write: true } })).deny).toEqual([]);
    expect((await find({ GITHUB_TOKEN: "secret" }, { github: { enabled: false } })).injections).toEqual([]);
  });

  test("the token of gh's file, else what gh says", async () => {
    lab.write(
      ".config/gh/hosts.yml",
      "github.com:\n    users:\n        ada:\n    oauth_token: secret1\n    user: ada\n",
    );
    expect((await find({})).live.get("GH_TOKEN")!.value()).toBe("secret1");
    lab.write(".config/gh/hosts.yml", "github.com:\n    user: ada\nghe.example.test:\n    oauth_token: secret2\n");
    lab.write("bin/gh", "");
    await Bun.write(`${lab.home}/bin/gh`, '#!/bin/sh\n[ "$*" = "auth token --hostname github.com" ] && echo secret3\n');
    const { chmodSync } = await import("node:fs");
    chmodSync(`${lab.home}/bin/gh`, 0o755);
    expect((await find({ PATH: `${lab.home}/bin:/usr/bin:/bin` })).live.get("GH_TOKEN")!.value()).toBe("secret3");
    lab.write(".config/gh/hosts.yml", "ghe.example.test:\n    oauth_token: secret2\n");
    expect((await find({})).injections).toEqual([]);
  });
});

describe("npm", () => {
  const npmrc = [
    "registry=https://npm.example.test/",
    "@mine:registry=https://pkg.example.test:8443/team/",
    "//npm.example.test/:_authToken=secret1",
    "//pkg.example.test:8443/team/:_authToken=\u0024{TEAM_TOKEN}",
    "//other.example.test/:_password=secret3",
    "@other:registry=https://ada:secret5@other.example.test/",
    "proxy=http://user:secret4@proxy.example.test",
  ].join("\n");

  test("the user's file with placeholders, and each token for its own registry", async () => {
    lab.write(".npmrc", npmrc);
    const found = await find({ TEAM_TOKEN: "secret2" });
    expect(found.injections.map(({ hosts }) => hosts)).toEqual([["npm.example.test:443"], ["pkg.example.test:8443"]]);
    const [one, two] = found.injections.map(({ placeholder }) => placeholder);
    expect(found.homeFiles).toEqual([
      {
        path: ".npmrc",
        text: [
          "registry=https://npm.example.test/",
          "@mine:registry=https://pkg.example.test:8443/team/",
          `//npm.example.test/:_authToken=${one}`,
          `//pkg.example.test:8443/team/:_authToken=${two}\n`,
        ].join("\n"),
      },
    ]);
    expect([...found.live.values()].map((live) => live.value())).toEqual(["secret1", "secret2"]);
    expect(found.deny.map(({ value }) => value)).toContain("PUT,PATCH,DELETE npm.example.test:443/");
    const writing = (await find({ TEAM_TOKEN: "secret2" }, { npm: { write: true } })).deny;
    expect(writing.map(({ value }) => value)).toEqual([
      "POST npm.example.test:443/-/npm/v1/tokens",
      "POST pkg.example.test:8443/-/npm/v1/tokens",
    ]);
  });

  test("a variable that projects refer to goes to the user's registry, else to the public one", async () => {
    const hosts = async () => (await find({ NPM_TOKEN: "secret" })).injections.map((injection) => injection.hosts);
    expect(await hosts()).toEqual([["*.npmjs.org:443"]]);
    lab.write(".npmrc", "//npm.example.test/:_authToken=secret1\n");
    expect((await hosts())[0]).toEqual(["npm.example.test:443"]);
  });
});
