import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { users } from "../run/lab.ts";
import { soon } from "./lab.ts";
import { plantCredentials, planted } from "./planted.ts";
import { prepareSearch } from "./search.ts";
import { createSecureLab, type SecureLab } from "./secure-lab.ts";
import { answerEcho, createEvents, upgradeEcho } from "./servers/echo.ts";
import { createOAuth, issuers } from "./servers/oauth.ts";

/** The servers and the search that other suites rely on can do what they say, without a gateway. */

setDefaultTimeout(120_000);

let lab: SecureLab;
afterEach(() => lab.close());

/** A script of the shell in the world itself. */
const begin = (script: string) => {
  const child = spawn("sh", ["-c", script], { env: { ...lab.env, SSL_CERT_FILE: lab.authority.ca } });
  const texts = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) child[name].on("data", (chunk) => (texts[name] += chunk));
  const ended = new Promise<typeof texts>((resolve) => child.on("close", () => resolve(texts)));
  return { texts, ended };
};
const say = async (script: string): Promise<string> => (await begin(script).ended).stdout;

test("both versions of HTTP, plain HTTP, and what came is written down", async () => {
  lab = createSecureLab();
  const secure = await lab.serveTls(["intercepted.test", "api.anthropic.com"], answerEcho, { upgrade: upgradeEcho });
  const plain = await lab.serveTls("intercepted.test", answerEcho, { isPlain: true });
  await say(`curl -sS --http2 -H 'x-api-key: one' https://intercepted.test/a?b=c
curl -sS --http1.1 https://api.anthropic.com/ -d body; curl -sS http://intercepted.test/`);
  expect(secure.arrivals).toMatchObject([
    { host: "intercepted.test", method: "GET", target: "/a?b=c", version: "2.0", headers: { "x-api-key": "one" } },
    { host: "api.anthropic.com", method: "POST", target: "/", version: "1.1" },
  ]);
  expect(plain.arrivals.length).toBe(1);
  expect(secure.connections()).toBe(2);
});

test("an authority that nobody trusts is refused", async () => {
  lab = createSecureLab();
  await lab.serveTls("intercepted.test", answerEcho, { authority: lab.makeAuthority("stranger") });
  expect(await say("curl -s https://intercepted.test/ || echo $?")).toBe("60\n");
});

test("the echo says a credential back in every way", async () => {
  lab = createSecureLab();
  await lab.serveTls("intercepted.test", answerEcho);
  for (const place of ["", "in-headers", "redirect", "chunked", "split", "gzip", "error"]) {
    const text = await say(
      `curl -sSi --compressed -H 'authorization: Bearer word-5d1f' https://intercepted.test/${place}`,
    );
    expect(text).toContain("word-5d1f");
  }
  expect(
    await say("head -c 3000000 /dev/zero | curl -sS --data-binary @- https://intercepted.test/length"),
  ).toStartWith("3000000 ");
});

test("an event is only sent when it is asked for", async () => {
  lab = createSecureLab();
  const events = createEvents();
  await lab.serveTls("intercepted.test", events.answer);
  const { texts, ended } = begin("curl -sSN https://intercepted.test/");
  for (const number of [1, 2, 3]) {
    await soon(() => texts.stdout.endsWith(`data: event ${number}\n\n`));
    events.next();
  }
  expect((await ended).stdout).toEndWith("data: end\n\n");
});

test("a WebSocket says back what it hears", async () => {
  lab = createSecureLab();
  await lab.serveTls("intercepted.test", answerEcho, { upgrade: upgradeEcho });
  const heard: string[] = [];
  const options = { headers: { authorization: "Bearer word" }, tls: { ca: Bun.file(lab.authority.ca) } };
  const socket = new WebSocket("wss://intercepted.test/socket", options as never);
  socket.onmessage = ({ data }) => heard.push(`${data}`);
  await soon(() => heard.length === 1);
  socket.send("hello");
  await soon(() => heard.length === 2);
  socket.close();
  expect(heard).toEqual(["welcome Bearer word", "hello"]);
});

test("a refresh token is good once, a code once and with its verifier", async () => {
  lab = createSecureLab();
  const oauth = createOAuth(issuers.claude);
  await lab.serveTls("platform.claude.com", oauth.answer);
  const { refresh, access } = oauth.login();
  const post = async (body: object) =>
    JSON.parse(
      await say(
        `curl -sS -H 'content-type: application/json' -d '${JSON.stringify(body)}' https://platform.claude.com/v1/oauth/token`,
      ),
    );
  const renewed = await post({ grant_type: "refresh_token", refresh_token: refresh });
  expect(oauth.isGood(`Bearer ${renewed["access_token"]}`)).toBe(true);
  expect(await post({ grant_type: "refresh_token", refresh_token: refresh })).toMatchObject({ error: "invalid_grant" });
  expect(oauth.seen).toEqual({ refreshes: 1, exchanges: 0, refused: 1 });
  expect(oauth.isGood(`Bearer ${access}`)).toBe(true);
  oauth.expire();
  expect(oauth.isGood(`Bearer ${access}`)).toBe(false);
  const challenge = new Bun.CryptoHasher("sha256").update("verifier").digest("base64url");
  const code = () => oauth.approve(`https://claude.ai/oauth/authorize?code_challenge=${challenge}`);
  const exchange = (code_verifier: string) => post({ grant_type: "authorization_code", code: code(), code_verifier });
  expect(await exchange("another")).toMatchObject({ error: "invalid_grant" });
  expect(await exchange("verifier")).toMatchObject({ refresh_token: expect.stringMatching(/^sk-ant-ort01-/) });
});

test.each(users)("the search finds what is planted, and nothing else: $name", async ({ uid }) => {
  lab = createSecureLab(uid);
  const marks = ["file", "environ", "cmdline", "memory", "encoded"].map((kind) => `mark-of-${kind}-5d1f8a`);
  const [inFile, inEnviron, inCmdline, inMemory, encoded] = marks as [string, string, string, string, string];
  const search = prepareSearch(lab, () => [...marks, planted.anthropic]);
  const files = plantCredentials(lab, { opencode: planted.anthropic });
  expect(files.map((file) => fs.statSync(file).uid)).toEqual([uid]);
  lab.write(path.join(lab.at("project"), "in/file"), `x${inFile}y`);
  lab.write(path.join(lab.at("project"), "encoded"), Buffer.from(`user:${encoded}`).toString("base64"));
  const half = Math.floor(inMemory.length / 2);
  const holder = `import time; kept = bytearray("${inMemory.slice(0, half)}".encode()); kept += "${inMemory.slice(half)}".encode(); print(1, flush=True); time.sleep(99)`;
  const shell = await lab.open(["--env", `MARK=${inEnviron}`]);
  const { stdout } = await shell.ask(`/usr/bin/python3 -c '${holder}' ${inCmdline} >up & one=$!
until test -s up; do sleep 0.1; done; ${search.command}; kill $one`);
  expect(stdout).toContain("searched");
  const { hits, ...counts } = search.findings();
  const kinds = (secret: string) =>
    new Set(hits.filter((hit) => hit.secret === secret).map(({ place }) => place.split(" ")[0]!));
  expect(kinds(inFile)).toContain("file");
  expect(kinds(inEnviron)).toContain("environ");
  expect(kinds(inCmdline)).toContain("cmdline");
  expect(kinds(inMemory)).toContain("memory");
  expect(kinds(encoded)).toContain("file");
  expect(kinds(planted.anthropic)).toEqual(new Set());
  expect(counts.files).toBeGreaterThan(10);
});
