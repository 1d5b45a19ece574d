import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { users } from "../run/lab.ts";
import { residentMegabytes, type Shell, soon } from "./lab.ts";
import { ambiguous } from "./probes/http.ts";
import { drip, sayRaw } from "./python-clients.ts";
import { createSecureLab, type SecureLab } from "./secure-lab.ts";
import { answerEcho, upgradeEcho } from "./servers/echo.ts";
import type { Service } from "./servers/secure.ts";

/** Rules by method and path hold for each request, in whatever version of HTTP and on whatever way it comes. */

setDefaultTimeout(120_000);

let lab: SecureLab;
let service: Service;
let plain: Service;
let shell: Shell;

beforeEach(async () => {
  lab = createSecureLab(users.at(-1)!.uid);
  service = await lab.serveTls("intercepted.test", answerEcho, { upgrade: upgradeEcho });
  plain = await lab.serveTls("intercepted.test", answerEcho, { isPlain: true });
});
afterEach(() => lab.close());

const rules = [
  ...["--allow-host", "GET intercepted.test/open", "--allow-host", "POST,PUT intercepted.test/open/box"],
  ...["--deny-host", "intercepted.test/open/closed", "--allow-host", "intercepted.test/any/*/thing"],
];

const requests: [method: string, target: string, status: number][] = [
  ["GET", "/open", 200],
  ["HEAD", "/open", 200],
  ["GET", "/open/", 200],
  ["GET", "/open/deep/er?query=/any", 200],
  ["POST", "/open", 403],
  ["POST", "/open/box", 200],
  ["PUT", "/open/box/1", 200],
  ["PATCH", "/open/box", 403],
  ["post", "/open/box", 403],
  ["GET", "/opening", 403],
  ["GET", "/", 403],
  ["GET", "/open/closed", 403],
  ["GET", "/open/CLOSED", 403],
  ["GET", "/open/%63losed/x", 403],
  ["GET", "/open/../secret", 400],
  ["GET", "/open/%2e%2e/secret", 400],
  ["GET", "/open//closed", 400],
  ["GET", "/open%2fclosed", 403],
  ["GET", "/open/x%5c..%5cclosed", 400],
  ["GET", "/open/%252e%252e/secret", 400],
  ["DELETE", "/any/one/thing", 200],
  ["DELETE", "/any/one/two/thing", 403],
  ["GET", "/secret?path=/open", 403],
  ["TRACE", "/open", 400],
];

const ways = [
  { way: "HTTP/1.1 over TLS", flags: "--noproxy '*' --http1.1", scheme: "https" },
  { way: "HTTP/2 over TLS", flags: "--noproxy '*' --http2", scheme: "https" },
  { way: "HTTP/2 over TLS, through a proxy", flags: "--http2", scheme: "https" },
  { way: "plain HTTP", flags: "--noproxy '*'", scheme: "http" },
  { way: "plain HTTP through a proxy", flags: "", scheme: "http" },
  { way: "plain HTTP in a tunnel", flags: "--proxytunnel", scheme: "http" },
];

test.each(ways)("$way", async ({ flags, scheme }) => {
  shell = await lab.open(rules);
  const lines = requests.map(([method, target]) => {
    const how = method === "HEAD" ? "--head" : `-X ${method}`;
    return `curl -sS -m 20 ${flags} --path-as-is ${how} -o /dev/null -w '%{http_code}\\n' '${scheme}://intercepted.test${target}'`;
  });
  const { stdout } = await shell.ask(lines.join("\n"));
  const statuses = stdout.trim().split("\n").map(Number);
  const wrong = requests
    .map((request, index) => [...request, statuses[index]!] as const)
    .filter(([, , ...two]) => two[0] !== two[1]);
  expect(wrong).toEqual([]);
  const { arrivals } = scheme === "http" ? plain : service;
  expect(arrivals.map(({ method, target }) => `${method} ${target}`)).toEqual(
    requests.filter(([, , status]) => status === 200).map(([method, target]) => `${method} ${target}`),
  );
});

test("a refusal says what would allow it, and that does", async () => {
  shell = await lab.open(rules);
  const ask = () => shell.ask("curl -sS -m 20 -i -X DELETE https://intercepted.test/open/box");
  const refused = await ask();
  const rule = "DELETE intercepted.test/open/box";
  expect(refused.stdout).toContain(`cordon allow "${rule}"`);
  expect(refused.stderr).toContain(`cordon allow "${rule}"`);
  expect(await lab.cordon(["allow", rule])).toMatchObject({ code: 0 });
  expect((await ask()).stdout).toContain('"method":"DELETE"');
});

test("what is denied while a connection is open is denied on it", async () => {
  shell = await lab.open(rules);
  const answer = shell.python(`import http.client, os, time
c = http.client.HTTPSConnection("intercepted.test")
for number in range(2):
    c.request("GET", "/open/later")
    answer = c.getresponse()
    answer.read()
    print(answer.status, flush=True)
    while not number and not os.path.exists("go"): time.sleep(0.02)
`);
  await soon(() => shell.stdout().includes("200\n"));
  await lab.cordon(["deny", "intercepted.test/open/later"]);
  lab.write(`${lab.at("project")}/go`, "");
  expect((await answer).stdout).toBe("200\n403\n");
  expect(service.arrivals.length).toBe(1);
});

const smuggled = "GET /smuggled HTTP/1.1\r\nHost: intercepted.test\r\n\r\n";

/** Texts of which two readers make two different things, each with a second request in it. */
const doubleTexts = (name: string): string[] =>
  ambiguous.map(([fields, body, version = "1.1"]) => {
    const hidden = body.replaceAll("denied.test", name);
    return `POST / HTTP/${version}\r\nHost: ${name}\r\n${fields}\r\n${hidden}`;
  });

/** What a text holds behind its first request, when every reader agrees where that ends; else all that is behind its head. */
const behindFirst = (text: string): string => {
  const end = text.indexOf("\r\n\r\n") + 4;
  const fields = [...text.slice(0, end).matchAll(/^(content-length|transfer-encoding): *(.*)\r$/gim)];
  const [[, name, value] = []] = fields;
  const rest = text.slice(end);
  if (fields.length !== 1) return rest;
  if (name!.toLowerCase() === "content-length") return /^\d+$/.test(value!) ? rest.slice(Number(value)) : rest;
  if (value !== "chunked") return rest;
  let at = 0;
  for (;;) {
    const [line, digits] = /^([0-9a-f]{1,8})\r\n/.exec(rest.slice(at)) ?? [];
    if (line === undefined) return rest.slice(at);
    const length = Number.parseInt(digits!, 16);
    at += line.length + length + 2;
    if (length === 0) return rest.slice(at);
  }
};

describe("NT-14 one request in, one out", () => {
  test("no second request hides in the body of another", async () => {
    const { heard } = await lab.serveRaw("registry.packages.test");
    const name = "registry.packages.test";
    shell = await lab.open(["--allow-host", `${name}/`, "--deny-host", `${name}/smuggled`]);
    const texts = doubleTexts(name);
    const answers: string[] = JSON.parse((await shell.python(sayRaw(name, texts))).stdout);
    expect(answers.length).toBe(texts.length);
    expect(heard.map(behindFirst).filter((rest) => rest.includes("smuggled"))).toEqual([]);
  });

  test("without anybody in between each of them arrives", async () => {
    const { heard } = await lab.serveRaw("registry.packages.test");
    shell = await lab.open(["--allow-host", "registry.packages.test"]);
    const texts = doubleTexts("registry.packages.test");
    await shell.python(sayRaw("registry.packages.test", texts));
    expect(heard.filter((text) => text.includes("smuggled")).length).toBe(texts.length);
    expect(heard.map(behindFirst).filter((rest) => rest.includes("smuggled")).length).toBeGreaterThan(20);
  });

  test("requests one behind the other are each judged and answered in order", async () => {
    shell = await lab.open(rules);
    const get = (target: string) => `GET ${target} HTTP/1.1\r\nHost: intercepted.test\r\n\r\n`;
    const pipeline = [get("/open/1"), get("/open/closed"), get("/open/2")].join("");
    const [heard] = JSON.parse((await shell.python(sayRaw("intercepted.test", [pipeline]))).stdout) as string[];
    const order = heard!.match(/^HTTP\/1\.1 \d+|"target":"[^"]*"/gm);
    expect(order?.slice(0, 3)).toEqual(["HTTP/1.1 200", '"target":"/open/1"', "HTTP/1.1 403"]);
    expect(service.arrivals.map(({ target }) => target)).not.toContain("/open/closed");
  });
});

const protocolSwitches = [
  "GET /open HTTP/1.1\r\nHost: intercepted.test\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
  "GET /open\r\n",
  "CONNECT denied.test:443 HTTP/1.1\r\nHost: denied.test:443\r\n\r\n",
  "GET /.well-known/masque/udp/denied.test/443/ HTTP/1.1\r\nHost: intercepted.test\r\nConnection: Upgrade\r\nUpgrade: connect-udp\r\n\r\n",
  "GET https://denied.test/ HTTP/1.1\r\nHost: denied.test\r\n\r\n",
  "GET /secret HTTP/1.1\r\nHost: intercepted.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
];

test("NT-17 no other protocol gets past the rules", async () => {
  shell = await lab.open(rules);
  const texts = protocolSwitches.map((text) => `${text}${smuggled}`);
  const { stdout } = await shell.python(sayRaw("intercepted.test", texts));
  const answers: string[] = JSON.parse(stdout);
  expect(answers.length).toBe(texts.length);
  for (const answer of answers) expect(answer).not.toStartWith("HTTP/1.1 101");
  // What it asked for in plain words is no harm; what stood behind it was never asked.
  expect(service.arrivals.filter(({ target }) => target !== "/open")).toEqual([]);
});

test.each([
  ["a field without an end", "GET /open HTTP/1.1\r\nHost: intercepted.test\r\nX: ", "x".repeat(8192)],
  ["fields without an end", "GET /open HTTP/1.1\r\nHost: intercepted.test\r\n", `${"X: y\r\n".repeat(100)}`],
  ["an address without an end", "GET /open/", "x".repeat(8192)],
])("%s is not collected", async (_title, start, piece) => {
  shell = await lab.open(rules);
  const { stdout } = await shell.python(drip("intercepted.test", start, piece, 64 * 1024 * 1024));
  const [, said, answer] = /^(\d+) (.*)/.exec(stdout) ?? [];
  expect(Number(said)).toBeGreaterThan(0);
  expect(answer).toMatch(/^HTTP\/1\.1 4|^$/);
  expect(residentMegabytes(shell.pid)).toBeLessThan(250);
  expect(service.arrivals).toEqual([]);
  expect((await shell.ask("curl -sS -m 20 https://intercepted.test/open")).stdout).toContain('"method":"GET"');
});
