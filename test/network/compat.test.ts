import { afterAll, describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import type { AuditEntry, AuditVia } from "../../src/egress/audit.ts";
import { proxyVariables } from "../../src/egress/egress.ts";
import { createLab, users } from "../run/lab.ts";
import { type Client, clients, type Proxied } from "./compat.ts";
import { collectTools, missingOf } from "./compat-tools.ts";
import { allowed, countArrivals, denied, startWorld } from "./compat-world.ts";

/** What the servers answer. No argument and no variable of a client holds it. */
const word = "carried-5d1f";
/** The last is the ordinary one. */
const { uid } = users.at(-1)!;

const lab = createLab(uid);
const tools = path.join(lab.directory, "tools");
fs.mkdirSync(tools);
// Before the cases are named: which of them can be tried is known only with the tools.
const world = await startWorld(path.join(lab.directory, "world"), tools, uid, word);
for (const directory of [lab.directory, path.join(lab.directory, "world")]) fs.chmodSync(directory, 0o755);
collectTools(tools, world.authority);
const authorityNames = ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO", "CURL_CA_BUNDLE", "PIP_CERT"];
Object.assign(lab.env, Object.fromEntries(authorityNames.map((name) => [name, world.authority.ca])));

afterAll(() => {
  world.close();
  lab.close();
});

type Outcome = { code: number | null; stdout: string; stderr: string; arrivals: number; entries: AuditEntry[] };

const unset = Object.keys(proxyVariables()).map((name) => `--unset=${name}`);
const auditOf = (): string => path.join(lab.at("home"), ".local/state/cordon/audit.jsonl");
const textOf = (file: string): string => (fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "");

let branches = 0;

/** One client, inside, against the servers of `name`. */
const tryClient = async (client: Client, name: string, options: string[], withProxy: boolean): Promise<Outcome> => {
  const values = {
    HOST: name,
    TOOLS: tools,
    CA: world.authority.ca,
    REPOSITORIES: world.repositories,
    BRANCH: `b${branches++}`,
    HALVES: word.replace("-", "- "),
  };
  const given = Object.entries(values).flatMap(([key, value]) => ["--env", `${key}=${value}`]);
  const home = "cd $(mktemp -d) && export HOME=$PWD npm_config_cache=$PWD/cache && mkdir -p project && cd project";
  const command = ["env", ...(withProxy ? [] : unset), "sh", "-c", `${home}; ${client.script}`];
  const before = { arrivals: countArrivals(world, name), audit: textOf(auditOf()).length };
  const args = [...options, "--allow-readonly", tools, ...given, "run", "--", ...command];
  const [program, words] = lab.words(args);
  const child = spawn(program, words, { cwd: lab.at("project"), env: lab.env, stdio: ["ignore", "pipe", "pipe"] });
  const timer = setTimeout(() => child.kill("SIGKILL"), 60_000);
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => (stdout += chunk));
  child.stderr.on("data", (chunk) => (stderr += chunk));
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  clearTimeout(timer);
  const lines = textOf(auditOf()).slice(before.audit).split("\n").filter(Boolean);
  const entries: AuditEntry[] = lines.map((line) => JSON.parse(line));
  return { code, stdout, stderr, arrivals: countArrivals(world, name) - before.arrivals, entries };
};

const filtered = ["--net", "filtered", "--allow-host", allowed.name, "--allow-host", `${allowed.name}:5432`];

/** How the gateway's own record says it when the variables are followed. */
const vias: Record<Proxied, AuditVia> = {
  "HTTP CONNECT": "proxy",
  "HTTP proxy": "http",
  SOCKS5: "socks",
  "not used": "tcp",
};

/** A case for each client, skipped with its reason where something that it needs is not here. */
const eachClient = (some: Client[], timeoutMs: number, body: (client: Client) => Promise<void>): void => {
  for (const client of some) {
    const absent = missingOf(client.needs, tools).map((need) => path.basename(need));
    const name = `${client.client}, ${client.protocol}, ${client.resolver}`;
    if (absent.length === 0) test(name, () => body(client), timeoutMs);
    else test.skip(`${name} (not here: ${absent.join(", ")})`, () => {});
  }
};

describe.each([
  { when: "without proxy variables", withProxy: false },
  { when: "with the proxy variables that cordon sets", withProxy: true },
])("$when", ({ withProxy }) => {
  eachClient(clients, 90_000, async (client) => {
    const outcome = await tryClient(client, allowed.name, filtered, withProxy);
    expect(outcome.code, outcome.stderr + outcome.stdout).toBe(0);
    expect(outcome.stdout).toContain(word);
    expect(outcome.arrivals).toBeGreaterThan(0);
    const carried = outcome.entries.filter(({ event, host }) => event === "allowed" && host === allowed.name);
    expect([...new Set(carried.map(({ via }) => via))]).toEqual([withProxy ? vias[client.proxied] : "tcp"]);
  });
});

/** A rule about requests makes the gateway look into what goes to the server, with a certificate of its own. */
const looking = [...filtered, "--deny-host", `DELETE ${allowed.name}/never`];
const secure = clients
  .filter(({ protocol }) => /HTTPS|HTTP\/2/.test(protocol))
  .map((client) => ({ ...client, script: client.script.replace(client.pointing ?? "", "") }));

describe.each([
  { when: "looked into, without proxy variables", withProxy: false },
  { when: "looked into, with them", withProxy: true },
])("$when", ({ withProxy }) => {
  eachClient(secure, 90_000, async (client) => {
    const outcome = await tryClient(client, allowed.name, looking, withProxy);
    expect(outcome.code, outcome.stderr + outcome.stdout).toBe(0);
    expect(outcome.stdout).toContain(word);
    expect(outcome.arrivals).toBeGreaterThan(0);
    const asked = outcome.entries.filter(({ event, method }) => event === "allowed" && method !== undefined);
    expect(asked.length).toBeGreaterThan(0);
  });
});

describe("a name that no rule names", () => {
  const representatives = clients.filter(({ reverse }) => reverse);

  eachClient(representatives, 180_000, async (client) => {
    for (const withProxy of [false, true]) {
      const outcome = await tryClient(client, denied.name, filtered, withProxy);
      expect(outcome.code, outcome.stdout).not.toBe(0);
      expect(outcome.stdout).not.toContain(word);
      expect(outcome.arrivals).toBe(0);
      expect(outcome.entries.map(({ event, host }) => `${event} ${host}`)).toContain(`denied ${denied.name}`);
    }
    const open = await tryClient(client, denied.name, ["--net", "open"], false);
    expect(open.stdout, open.stderr).toContain(word);
    expect(open.arrivals).toBeGreaterThan(0);
  });
});
