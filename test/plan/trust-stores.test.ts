import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { createAuthority } from "../../src/egress/intercept/certificate-authority.ts";
import { inspectPath } from "../../src/host.ts";
import { gatherTrust } from "../../src/plan/certificates.ts";
import { composeTrust } from "../../src/plan/trust-stores.ts";
import { sampleHost } from "./sample.ts";

/** Real programs in a real sandbox, and a server whose certificate only the authority of this run vouches for. */
const authority = await createAuthority();
const directory = fs.mkdtempSync(path.join(os.tmpdir(), "cordon-trust-"));
const facts = gatherTrust({ ...sampleHost, home: directory, realHome: directory, cwd: directory, env: {} });
const { mounts, variables } = composeTrust(facts, authority.pem);

let server: ReturnType<typeof Bun.serve>;
const tip = "0123456789012345678901234567890123456789";
/** What a client prints when it has believed the server. */
const version = "4.2.42";
const manifest = { name: "some", version, dist: { tarball: "https://localhost/some.tgz", shasum: tip } };
const packument = { name: "some", "dist-tags": { latest: version }, versions: { [version]: manifest } };
const pythonIndex = `<a href="some-${version}.tar.gz">some-${version}.tar.gz</a>`;

/** As much as git, pip and npm need to believe that this is a server of theirs; other programs print what they get. */
const answer = ({ url }: Request): Response => {
  if (url.includes("info/refs")) return new Response(`${tip}\trefs/heads/${version}\n`);
  if (url.includes("simple")) return new Response(pythonIndex, { headers: { "content-type": "text/html" } });
  return Response.json(packument);
};

const javaClient = `
import java.net.URI;
class Client {
  public static void main(String[] args) throws Exception {
    System.out.println(new String(URI.create(args[0]).toURL().openStream().readAllBytes()));
  }
}`;

beforeAll(async () => {
  fs.writeFileSync(path.join(directory, "Client.java"), javaClient);
  for (const [at, mount] of mounts.entries())
    if (mount.kind === "bytes") fs.writeFileSync(path.join(directory, String(at)), mount.bytes);
  const tls = await authority.issue("localhost");
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    tls,
    fetch: answer,
  });
});
afterAll(() => {
  server.stop(true);
  fs.rmSync(directory, { recursive: true });
});

const systemArgs = ["/usr", "/etc", "/bin", "/sbin", "/lib", "/lib64"].flatMap((place) => {
  const { link, kind } = inspectPath(place);
  if (kind === "missing") return [];
  return link === undefined ? ["--ro-bind", place, place] : ["--symlink", link, place];
});

type Done = { code: number | null; text: string };

/** The mounts are files in `directory`, named by their number. */
const files = mounts.flatMap(({ target }, at) => ["--ro-bind", path.join(directory, String(at)), target]);
const namesOf = (given: typeof variables) => Object.fromEntries(given.map(({ name, value }) => [name, value]));
const everything = { files, names: namesOf(variables) };

/** Runs a script in a sandbox with that much of what `composeTrust` gave. */
const inside = (script: string, { files = [] as string[], names = {}, port = server.port } = {}): Promise<Done> => {
  const url = `https://localhost:${port}`;
  const env = {
    ...{ PATH: "/usr/local/bin:/usr/bin:/bin", HOME: "/tmp" },
    ...{ URL: url, AT: `localhost:${port}`, npm_config_registry: url },
    ...names,
  };
  const args = [
    ...["--unshare-all", "--share-net", "--die-with-parent", "--new-session", ...systemArgs],
    ...["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/run"],
    ...["--ro-bind", path.join(directory, "Client.java"), "/tmp/Client.java"],
    ...["--ro-bind", process.execPath, "/tmp/bun"],
    ...files,
    ...["--chdir", "/tmp", "--", "/bin/sh", "-c", script],
  ];
  return new Promise((resolve, reject) => {
    const child = spawn("bwrap", args, { env, stdio: ["ignore", "pipe", "pipe"], timeout: 60_000 });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
    child.once("error", reject).once("close", (code) => resolve({ code, text }));
  });
};

const pythonUrl = `import os, urllib.request as u; print(u.urlopen(os.environ["URL"]).read())`;
const pythonRequests = `import os; from pip._vendor import requests as r; print(r.get(os.environ["URL"]).text)`;
const fetchUrl = "fetch(process.env.URL).then((r) => r.text()).then(console.log, (e) => { throw e.cause ?? e })";
const needed: Record<string, boolean> = {
  requests: fs.existsSync("/usr/lib/python3/dist-packages/pip"),
  bun: true,
  java: fs.existsSync("/usr/bin/javac") && facts.javaStores.length > 0,
};

/** Programs, and whether they trust the authority also without any variable. */
const clients: [name: string, program: string, script: string, alsoBare: boolean][] = [
  ["curl", "curl", 'curl -sS "$URL"', true],
  ["wget", "wget", 'wget -qO- "$URL" || { wget -O- "$URL"; exit 1; }', true],
  ["git", "git", 'git ls-remote "$URL/repo"', true],
  [
    "openssl",
    "openssl",
    'openssl s_client -verify_return_error -verify_hostname localhost -connect "$AT" </dev/null && echo 4.2.42',
    false,
  ],
  ["python3 urllib", "python3", `/usr/bin/python3 -c '${pythonUrl}'`, false],
  ["python3 requests", "requests", `/usr/bin/python3 -c '${pythonRequests}'`, false],
  ["node fetch", "node", `node -e '${fetchUrl}'`, false],
  ["npm", "npm", "npm view some version --fetch-retries=0", false],
  ["pip", "requests", '/usr/bin/python3 -m pip index versions some --retries 0 -i "$URL/simple"', false],
  ["bun fetch", "bun", `/tmp/bun -e '${fetchUrl}'`, false],
  ["java", "java", 'java Client.java "$URL/"', true],
];

const isHere = (program: string): boolean =>
  needed[program] ?? ["/usr/bin", "/usr/local/bin"].some((place) => fs.existsSync(`${place}/${program}`));
const certificate = /certif|PKIX|SSLHandshake|SELF_SIGNED|UNABLE_TO_/i;

describe("with the files and variables, and not without, the authority is trusted by", () => {
  for (const [name, program, script] of clients) {
    test.skipIf(!isHere(program))(
      name,
      async () => {
        const trusting = await inside(script, everything);
        expect(trusting).toMatchObject({ code: 0, text: expect.stringContaining(version) });
        const plain = await inside(script);
        expect(plain.code).not.toBe(0);
        expect(plain.text).toMatch(certificate);
        expect(plain.text).not.toContain(version);
      },
      120_000,
    );
  }
});

describe("in an environment without variables the files are enough for", () => {
  for (const [name, program, script] of clients.filter(([, , , alsoBare]) => alsoBare)) {
    test.skipIf(!isHere(program) || facts.bundles.length === 0)(
      name,
      async () => {
        const done = await inside(script, { files });
        expect(done).toMatchObject({ code: 0, text: expect.stringContaining(version) });
      },
      60_000,
    );
  }
});

describe("an authority in a directory that the user names stays trusted by", () => {
  const house = path.join(directory, "house");
  let second: ReturnType<typeof Bun.serve>;
  beforeAll(async () => {
    const other = await createAuthority();
    fs.mkdirSync(house);
    fs.writeFileSync(path.join(house, "house.pem"), other.pem);
    const { stdout } = spawnSync("openssl", ["x509", "-hash", "-noout", "-in", path.join(house, "house.pem")]);
    fs.symlinkSync("house.pem", path.join(house, `${stdout.toString().trim()}.0`));
    const tls = await other.issue("localhost");
    second = Bun.serve({ hostname: "127.0.0.1", port: 0, tls, fetch: answer });
  });
  afterAll(() => second.stop(true));

  test.each(["curl", "git", "python3 urllib"])("%s", async (name) => {
    const script = clients.find(([other]) => other === name)![2];
    const own = composeTrust({ ...facts, set: ["SSL_CERT_DIR"] }, authority.pem).variables;
    const names = { ...namesOf(own), SSL_CERT_DIR: "/tmp/house", GIT_SSL_CAPATH: "/tmp/house" };
    const extra = [...files, "--ro-bind", house, "/tmp/house"];
    for (const port of [server.port, second.port]) {
      const done = await inside(script, { files: extra, names, port });
      expect(done).toMatchObject({ code: 0, text: expect.stringContaining(version) });
    }
    const done = await inside(script, { ...everything, port: second.port });
    expect(done.text).toMatch(certificate);
    expect(done.text).not.toContain(version);
  });
});
