import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import path from "node:path";
import { deflateSync, gzipSync } from "node:zlib";
import { users } from "../run/lab.ts";
import { sayRaw } from "./python-clients.ts";
import { createSecureLab, type SecureLab } from "./secure-lab.ts";

/** A server that wants to tell its client the credential, byte for byte as it likes (NT-22). */

setDefaultTimeout(120_000);

const real = "real-value-of-the-service-5d1f8a2b";
const { uid } = users.at(-1)!;

let lab: SecureLab;
afterEach(() => lab.close());

const start = "HTTP/1.1 200 OK\r\n";
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
const body = (text: string, fields = ""): string => `${start}${fields}Content-Length: ${text.length}\r\n\r\n${text}`;

type Answer = { text: (token: string) => string; ends?: true; unpack?: (answer: string) => string };

const packed =
  (pack: (text: string) => Buffer): ((token: string) => string) =>
  (token) =>
    pack(token).toString("latin1");
const gzipped = packed((text) => gzipSync(text));
const deflated = packed((text) => deflateSync(text));
/** What a client makes of the body, whatever the head says. */
const inflate = (answer: string): string => {
  const bytes = Buffer.from(answer.slice(answer.indexOf("\r\n\r\n") + 4), "latin1");
  for (const at of [0, bytes.indexOf("\r\n") + 2])
    for (const read of [Bun.gunzipSync, (data: Buffer<ArrayBuffer>) => Bun.inflateSync(data.subarray(2))])
      try {
        return Buffer.from(read(Buffer.from(bytes.subarray(at)))).toString();
      } catch {}
  return "";
};

const answers: Record<string, Answer> = {
  "the body": { text: (token) => body(`<${token}>`) },
  "the reason": { text: (token) => `HTTP/1.1 200 ${token}\r\nContent-Length: 0\r\n\r\n` },
  "a field": { text: (token) => body("", `X-A: ${token}\r\n`) },
  "the name of a field": { text: (token) => body("", `${token}: a\r\n`) },
  "an early hint": { text: (token) => `HTTP/1.1 103 Early\r\nLink: <${token}>\r\n\r\n${body("")}` },
  "a continuation": { text: (token) => `HTTP/1.1 100 ${token}\r\nX-A: ${token}\r\n\r\n${body("")}` },
  "a chunk's extension": {
    text: (token) => `${start}Transfer-Encoding: chunked\r\n\r\n1;a=${token}\r\nx\r\n0\r\n\r\n`,
  },
  "a trailer": { text: (token) => `${start}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-A: ${token}\r\n\r\n` },
  "two chunks": {
    text: (token) =>
      `${start}Transfer-Encoding: chunked\r\n\r\n${chunk(token.slice(0, 9))}${chunk(token.slice(9))}0\r\n\r\n`,
  },
  "a body without a length": { text: (token) => `${start}Connection: close\r\n\r\n${token}`, ends: true },
  "HTTP/1.0": { text: (token) => `HTTP/1.0 200 OK\r\n\r\n${token}`, ends: true },
  "a body that has none": { text: (token) => `HTTP/1.1 204 No Content\r\n\r\n${token}`, ends: true },
  "behind the answer": { text: (token) => `${body("x")}${token}\r\n` },
  "a second answer": { text: (token) => `${body("x")}${body(token)}` },
  "no HTTP at all": { text: (token) => `220 hello ${token}\r\n`, ends: true },
  "gzip, asked for by nobody": {
    text: (token) => body(gzipped(token), "Content-Encoding: gzip\r\n"),
    unpack: inflate,
  },
  "deflate, asked for by nobody": {
    text: (token) => body(deflated(token), "Content-Encoding: deflate\r\n"),
    unpack: inflate,
  },
  "gzip as an encoding of the transfer": {
    text: (token) => `${start}Transfer-Encoding: gzip, chunked\r\n\r\n${chunk(gzipped(token))}0\r\n\r\n`,
    unpack: inflate,
  },
  "a switch of protocols that nobody asked for": {
    text: (token) => `HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n${token}`,
  },
};

const open = async ({ text, ends }: Answer, options: string[]) => {
  lab = createSecureLab(uid, { ECHO_TOKEN: real });
  const config =
    '[services.echo]\nhosts = ["intercepted.test"]\nvariable = "ECHO_TOKEN"\nvariable-inside = "ECHO_TOKEN"\n';
  lab.write(path.join(lab.at("home"), ".config/cordon/config.toml"), config, 0o600);
  const { heard } = await lab.serveRaw("intercepted.test", (said) => ({
    text: text(/^authorization: bearer (.*)\r$/im.exec(said)?.[1] ?? "nothing"),
    ...(ends && { ends }),
  }));
  const shell = await lab.open(["--allow-host", "intercepted.test", ...options]);
  const token = (await shell.ask('printf %s "$ECHO_TOKEN"')).stdout;
  const request = `GET / HTTP/1.1\r\nHost: intercepted.test\r\nAuthorization: Bearer ${token}\r\n\r\n`;
  const [answer = ""] = JSON.parse((await shell.python(sayRaw("intercepted.test", [request]))).stdout) as string[];
  return { answer, said: heard.join("") };
};

describe("it does not come in", () => {
  test.each(Object.entries(answers))("in %s", async (_title, how) => {
    const { answer, said } = await open(how, []);
    expect(said).toContain(`Bearer ${real}`);
    expect(answer).not.toContain(real);
    expect(how.unpack?.(answer) ?? "").not.toContain(real);
  });
});

describe("nobody in between", () => {
  test.each(Object.entries(answers))("in %s", async (_title, how) => {
    const { answer } = await open(how, ["--credentials", "none", "--env", `ECHO_TOKEN=${real}`]);
    const text = how.unpack?.(answer) ?? answer;
    expect(text.includes(real) || text.replaceAll(/\r\n[0-9a-f]+\r\n/g, "").includes(real)).toBe(true);
  });
});
