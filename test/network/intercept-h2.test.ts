import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { users } from "../run/lab.ts";
import { residentMegabytes, type Shell } from "./lab.ts";
import { createSecureLab, type SecureLab } from "./secure-lab.ts";
import { answerEcho } from "./servers/echo.ts";
import type { Service } from "./servers/secure.ts";

/** What only HTTP/2 makes possible: many requests at once, pseudo fields that contradict, floods of frames. */

setDefaultTimeout(120_000);

const { uid } = users.at(-1)!;
const real = "real-value-of-the-service-5d1f8a2b";

let lab: SecureLab;
let service: Service;
let shell: Shell;

beforeEach(async () => {
  lab = createSecureLab(uid, { ECHO_TOKEN: real });
  service = await lab.serveTls("intercepted.test", answerEcho);
  const config =
    '[services.echo]\nhosts = ["intercepted.test"]\nvariable = "ECHO_TOKEN"\nvariable-inside = "ECHO_TOKEN"\n';
  lab.write(path.join(lab.at("home"), ".config/cordon/config.toml"), config, 0o600);
  shell = await lab.open(["--allow-host", "intercepted.test", "--deny-host", "intercepted.test/closed"]);
});
afterEach(() => lab.close());

/** Each of the requests on one connection, all at once; gives what came back to each, in their order. */
const ask = async (requests: Record<string, string | string[]>[], trailers = {}): Promise<string[]> => {
  const file = path.join(lab.at("project"), "ask.mjs");
  lab.write(
    file,
    `import http2 from "node:http2";
const token = process.env.ECHO_TOKEN;
const fill = (value) => JSON.parse(JSON.stringify(value).replaceAll("TOKEN", token));
const session = http2.connect("https://intercepted.test");
session.on("error", () => {});
const one = (headers) => new Promise((resolve) => {
  let stream;
  try { stream = session.request(fill(headers), { waitForTrailers: true, endStream: false }); } catch (error) { return resolve("not sent: " + error.code); }
  let status = "";
  let text = "";
  stream.on("wantTrailers", () => stream.sendTrailers(fill(${JSON.stringify(trailers)})));
  // Of what comes at once, the data may be told first.
  stream.on("response", (head) => { status = head[":status"]; });
  stream.on("data", (chunk) => { text += chunk; });
  stream.on("error", (error) => resolve(status ? status + " " + text : error.code));
  stream.on("close", () => resolve(status + " " + text));
  stream.end();
});
console.log(JSON.stringify(await Promise.all(${JSON.stringify(requests)}.map(one))));
session.destroy();
`,
  );
  const { stdout, stderr } = await shell.ask(`timeout 60 node ${file}`);
  if (!stdout.startsWith("[")) throw new Error(stdout + stderr);
  return JSON.parse(stdout);
};

test("hundreds of requests at once, each judged, each answered with its own answer", async () => {
  const requests = Array.from({ length: 400 }, (_, number) => ({
    ":path": number % 4 === 3 ? `/closed/${number}` : `/open/${number}`,
    ...(number % 2 === 0 && { authorization: "Bearer TOKEN" }),
  }));
  const answers = await ask(requests);
  answers.forEach((answer, number) => {
    if (number % 4 === 3) expect(answer).toStartWith("403 ");
    else expect(answer).toContain(`"target":"/open/${number}"`);
    expect(answer).not.toContain(real);
  });
  const signed = service.arrivals.filter(({ headers }) => headers.authorization !== undefined);
  expect(service.arrivals.length).toBe(300);
  expect(signed.length).toBe(200);
  expect(signed.every(({ headers }) => headers.authorization === `Bearer ${real}`)).toBe(true);
});

test("NT-09 pseudo fields and fields that contradict each other", async () => {
  const contradicting: Record<string, string | string[]>[] = [
    { ":authority": "other.test" },
    { ":authority": "intercepted.test", host: "other.test" },
    { ":authority": "intercepted.test:444" },
    { ":path": "https://other.test/" },
    { ":path": "*" },
    { ":path": "open" },
    { ":path": "/closed", ":method": "OPTIONS" },
    { ":method": "CONNECT", ":authority": "other.test:443" },
    { ":method": "TRACE" },
    { ":scheme": "http", ":path": "/closed" },
    { authorization: ["Bearer TOKEN", "Bearer TOKEN"] },
    { authorization: "Bearer TOKEN", "x-api-key": "somebody-else" },
    { cookie: ["a=1", "session=somebody-else"] },
  ];
  const answers = await ask([...contradicting, { ":path": "/open" }]);
  expect(answers.at(-1)).toStartWith("200 ");
  const accepted = contradicting.filter((_, index) => answers[index]!.startsWith("200"));
  expect(accepted).toEqual([]);
  expect(service.arrivals.map(({ target }) => target)).toEqual(["/open"]);
});

test("NT-21 a trailer is no place for a credential", async () => {
  await ask([{ ":path": "/open", ":method": "POST" }], { authorization: "Bearer TOKEN", "x-note": "TOKEN" });
  expect(JSON.stringify(service.arrivals)).not.toContain(real);
});

test.each(["continued", "bomb", "resets", "pings", "settings", "unfinished"])("a flood: %s", async (kind) => {
  const program = path.join(lab.at("project"), "frames.py");
  lab.write(program, fs.readFileSync(path.join(import.meta.dirname, "clients/frames.py"), "utf8"));
  const { stdout, stderr } = await shell.ask(`timeout 60 /usr/bin/python3 ${program} intercepted.test ${kind}`);
  expect({ stdout, stderr }).toMatchObject({ stdout: expect.stringMatching(/^\d+ /) });
  expect(residentMegabytes(shell.pid)).toBeLessThan(250);
  expect((await ask([{ ":path": "/open", authorization: "Bearer TOKEN" }]))[0]).toStartWith("200 ");
});
