import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { plantCredentials, planted } from "./planted.ts";
import { prepareSearch } from "./search.ts";
import { createSecureLab, type SecureLab } from "./secure-lab.ts";
import { createForge, createPrivateRegistry } from "./servers/forge.ts";
import { createRepository } from "./servers/git.ts";
import { createRegistry } from "./servers/registry.ts";
import type { Service } from "./servers/secure.ts";

/** git, gh and npm work with the user's own credentials, of which only placeholders are inside. */

setDefaultTimeout(120_000);

const word = "carried-5d1f";
const registryName = "registry.packages.test";
const ownUid = process.getuid?.() ?? 0;
const gh = path.join(
  process.env["CORDON_TEST_CACHE"] ?? path.join(import.meta.dirname, "../../.cache"),
  "clients/gh/usr/bin",
);

let lab: SecureLab;
let services: Record<"forge" | "api" | "registry", Service>;
let repository: string;
afterEach(() => lab.close());

const open = async (config = "", options: string[] = []) => {
  lab = createSecureLab(ownUid);
  const at = (name: string): string => {
    const directory = path.join(lab.directory, name);
    fs.mkdirSync(directory);
    return directory;
  };
  const repositories = at("repositories");
  repository = path.join(repositories, "shop.git");
  createRepository(repository, word, ownUid);
  const forge = createForge(repositories, planted.github);
  const pages = createRegistry(at("registry"), word);
  services = {
    forge: await lab.serveTls("github.com", forge),
    api: await lab.serveTls("api.github.com", forge),
    registry: await lab.serveTls(registryName, createPrivateRegistry(pages, planted.npm)),
  };
  const files = plantCredentials(lab, {
    gh: planted.github,
    npm: { registry: registryName, token: planted.npm },
  });
  lab.write(path.join(lab.at("home"), ".config/cordon/config.toml"), config, 0o600);
  const search = prepareSearch(lab, () => [planted.github, planted.npm]);
  const hosts = ["github.com", "api.github.com", registryName].flatMap((host) => ["--allow-host", host]);
  const tools = fs.existsSync(gh) ? ["--allow-readonly", gh] : [];
  const shell = await lab.open([...hosts, ...tools, ...options]);
  return { shell, search, files };
};

const clone = "git clone -q https://github.com/git/shop.git work && cat work/word.txt";
const push = "cd work && git push -q origin HEAD:refs/heads/new";
const install =
  "mkdir -p app && cd app && echo '{}' > package.json && npm install --fetch-retries=0 --no-audit --no-fund --loglevel=error tiny && cat node_modules/tiny/index.js";

describe("git over HTTPS", () => {
  test("a clone needs no password, and a push needs the user's word", async () => {
    const { shell, search } = await open();
    const cloned = await shell.ask(clone);
    expect(cloned).toMatchObject({ code: 0, stdout: `${word}\n` });
    const pushed = await shell.ask(push);
    expect(pushed.code).not.toBe(0);
    expect(pushed.stderr).toContain("git-receive-pack");
    expect(fs.readdirSync(path.join(repository, "refs/heads"))).not.toContain("new");
    await shell.ask(search.command);
    expect(search.findings().hits).toEqual([]);
    expect(services.forge.arrivals.some(({ target }) => target.includes("git-upload-pack"))).toBe(true);
  });

  test("with the user's word a push arrives", async () => {
    const { shell } = await open("[services.github]\nwrite = true\n");
    await shell.ask(clone);
    expect(await shell.ask(push)).toMatchObject({ code: 0 });
    expect(fs.readdirSync(path.join(repository, "refs/heads"))).toContain("new");
  });

  test("neither without the credential", async () => {
    const { shell } = await open("", ["--credentials", "none"]);
    const { code, stdout } = await shell.ask(`GIT_TERMINAL_PROMPT=0 ${clone}`);
    expect({ code, stdout }).toMatchObject({ code: expect.any(Number), stdout: "" });
    expect(services.forge.arrivals.every(({ headers }) => headers.authorization === undefined)).toBe(true);
  });
});

test.if(fs.existsSync(gh))("gh asks its API as the user, and changes nothing", async () => {
  const { shell, search } = await open();
  const asked = await shell.ask(`${gh}/gh api user`);
  expect(JSON.parse(asked.stdout)).toMatchObject({ login: "agnes" });
  expect(services.api.arrivals.at(-1)!.headers.authorization).toContain(planted.github);
  const changed = await shell.ask(`${gh}/gh api -X POST repos/agnes/shop/issues -f title=x`);
  expect(changed.code).not.toBe(0);
  expect(services.api.arrivals.every(({ method }) => method === "GET")).toBe(true);
  await shell.ask(search.command);
  expect(search.findings().hits).toEqual([]);
});

test("npm installs from a private registry, and publishes nothing", async () => {
  const { shell, search, files } = await open();
  expect(await shell.ask(install)).toMatchObject({ code: 0, stdout: expect.stringContaining(word) });
  expect(services.registry.arrivals.at(-1)!.headers.authorization).toBe(`Bearer ${planted.npm}`);
  const published = await shell.ask(
    'mkdir -p own && cd own && echo \'{"name":"own","version":"1.0.0"}\' > package.json && npm publish --loglevel=error',
  );
  expect(published.code).not.toBe(0);
  expect(services.registry.arrivals.every(({ method }) => method === "GET")).toBe(true);
  await shell.ask(search.command);
  expect(search.findings().hits).toEqual([]);
  expect(fs.readFileSync(files.at(-1)!, "utf8")).toContain(planted.npm);
});

test("a service whose credential a program prints", async () => {
  const lines = [`hosts = ["${registryName}"]`, 'command = ["sh", "-c", "cat ~/secret"]', 'variable-inside = "TOKEN"'];
  lab = createSecureLab(ownUid);
  const seen = await lab.serveTls(registryName, (request, response) => void response.end(`${request.method}\n`));
  lab.write(path.join(lab.at("home"), "secret"), `${planted.npm}\n`, 0o600);
  lab.write(path.join(lab.at("home"), ".config/cordon/config.toml"), `[services.own]\n${lines.join("\n")}\n`, 0o600);
  const shell = await lab.open(["--allow-host", registryName]);
  const { stdout } = await shell.ask(`curl -sS -m 20 -H "Authorization: Bearer $TOKEN" https://${registryName}/`);
  expect(stdout).toBe("GET\n");
  expect(seen.arrivals[0]!.headers.authorization).toBe(`Bearer ${planted.npm}`);
});
