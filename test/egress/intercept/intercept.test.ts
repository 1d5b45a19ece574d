import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import fs from "node:fs";
import http2 from "node:http2";
import os from "node:os";
import path from "node:path";
import { enforce } from "../../../src/egress/checkpoint.ts";
import { connect, dialLoopback, openTls } from "../../../src/egress/dialler.ts";
import { createAuthority } from "../../../src/egress/intercept/certificate-authority.ts";
import { relay } from "../../../src/egress/relay.ts";
import { addRule } from "../../../src/egress/rules.ts";
import { receiving } from "../../../src/egress/wire.ts";
import { createLab, type Lab, type LabOptions, name, placeholder, secret } from "./lab.ts";

setDefaultTimeout(30_000);

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "cordon-intercept-"));
let lab: Lab | undefined;
afterEach(() => lab?.close());

type Asked = { authorization: string | undefined; url: string; body: Buffer };
type Said = { status?: number; headers?: Record<string, string>; parts: (string | Buffer)[] };
type Handler = (asked: Asked) => Said;

const pauseMs = 50;

/** A server that speaks just this version, and pauses between the parts of an answer. */
const serving =
  (version: string, handler: Handler): LabOptions["server"] =>
  (leaf) =>
    version === "2" ? serveH2(leaf, handler) : serveH1(leaf, handler);

const serveH1 = (tls: { key: string; cert: string }, handler: Handler) => {
  const server = Bun.serve({
    ...{ port: 0, hostname: "127.0.0.1", tls },
    async fetch(request) {
      const authorization = request.headers.get("authorization") ?? undefined;
      const body = Buffer.from(await request.arrayBuffer());
      const { status = 200, headers, parts } = handler({ authorization, url: new URL(request.url).pathname, body });
      const stream = async function* () {
        for (const [index, part] of parts.entries()) {
          if (index > 0) await Bun.sleep(pauseMs);
          yield Buffer.from(part);
        }
      };
      return new Response(stream as never, { status, ...(headers && { headers }) });
    },
  });
  return { port: server.port!, stop: () => server.stop(true) };
};

const serveH2 = (leaf: { key: string; cert: string }, handler: Handler) => {
  const server = http2.createSecureServer(leaf);
  server.on("sessionError", () => {});
  server.on("stream", async (given, { ":path": url = "", authorization }) => {
    const stream = given as http2.ServerHttp2Stream;
    stream.on("error", () => {});
    const body = Buffer.concat(await Array.fromAsync(stream as AsyncIterable<Buffer>));
    const { status = 200, headers, parts } = handler({ authorization, url, body });
    stream.respond({ ":status": status, ...headers });
    for (const [index, part] of parts.entries()) {
      if (index > 0) await Bun.sleep(pauseMs);
      stream.write(part);
    }
    stream.end();
  });
  server.listen(0, "127.0.0.1");
  return { port: (server.address() as { port: number }).port, stop: () => server.close() };
};

const curl = async (...args: string[]): Promise<{ out: string; code: number }> => {
  const authority = path.join(scratch, "authority.pem");
  fs.writeFileSync(authority, lab!.authority);
  const common = ["-sS", "-m", "10", "--cacert", authority, "--connect-to", `::127.0.0.1:${lab!.port}`];
  const child = Bun.spawn(["curl", ...common, ...args], { env: { PATH: process.env["PATH"] }, stderr: "pipe" });
  const [out, errors] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { out: out + errors, code: await child.exited };
};

const signed = ["-H", `authorization: Bearer ${placeholder}`];

const here: Handler = ({ url }) => ({ parts: [`here ${url}`] });

test("a server without HTTP/2 is spoken to in HTTP/1.1, whatever the client likes best", async () => {
  lab = await createLab({ server: serving("1.1", here) });
  for (const path of ["/1", "/2"])
    expect((await curl("--http2", ...signed, `https://${name}${path}`)).out).toBe(`here ${path}`);
});

test("a server behind a proxy that is spoken to by TLS itself", async () => {
  let port = 0;
  const outside = await createAuthority();
  const proxy = Bun.listen({
    ...{ hostname: "127.0.0.1", port: 0, tls: await outside.issue("proxy.test") },
    ...receiving((wire) => void dialLoopback(port).then((dialled) => dialled.ok && relay(wire, dialled.wire))),
  });
  const trusted = path.join(scratch, "proxy.pem");
  fs.writeFileSync(trusted, outside.pem);
  const dial = async (behind: number) => {
    port = behind;
    return connect(["127.0.0.1"], proxy.port, await openTls("proxy.test", [trusted]));
  };
  lab = await createLab({ server: serving("1.1", here), dial });
  expect((await curl(...signed, `https://${name}/1`)).out).toBe("here /1");
  proxy.stop(true);
});

test("who has said everything before the credential is renewed gets the answer too", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let pending: Promise<void> | undefined = promise;
  lab = await createLab({ server: serving("1.1", here), live: { freshen: () => pending } });
  const script = [
    "import socket, ssl, sys",
    "context = ssl.create_default_context(cafile=sys.argv[2])",
    `connection = context.wrap_socket(socket.create_connection(("127.0.0.1", int(sys.argv[1]))), server_hostname="${name}")`,
    `connection.sendall(b"GET /x HTTP/1.1\\r\\nHost: ${name}\\r\\nConnection: close\\r\\n\\r\\n")`,
    "socket.socket.shutdown(connection, socket.SHUT_WR)",
    "sys.stdout.write(connection.recv(65536).decode())",
  ];
  const authority = path.join(scratch, "authority.pem");
  fs.writeFileSync(authority, lab!.authority);
  const child = Bun.spawn(["python3", "-c", script.join("\n"), `${lab!.port}`, authority], { stderr: "inherit" });
  setTimeout(() => {
    pending = undefined;
    resolve();
  }, 300);
  expect(await new Response(child.stdout).text()).toContain("200");
});

describe.each(["1.1", "2"])("HTTP/%s", (version) => {
  const open = async (handler: Handler, options: Partial<LabOptions> = {}): Promise<void> => {
    lab = await createLab({ server: serving(version, handler), ...options });
  };
  const ask = (...args: string[]) => curl(`--http${version}`, ...args);

  test("again and again", async () => {
    await open(here);
    for (const path of ["/1", "/2", "/3"]) {
      const { out } = await ask("-w", " %{http_version}", ...signed, `https://${name}${path}`);
      expect(out).toBe(`here ${path} ${version}`);
    }
  });

  test("the real value goes out and does not come back", async () => {
    const seen: (string | undefined)[] = [];
    await open(({ authorization = "" }) => {
      seen.push(authorization);
      const headers = { "x-echo": authorization, "alt-svc": 'h3=":443"', "set-cookie": "session=1; Path=/; Secure" };
      return { headers, parts: [`you said ${secret.slice(0, 10)}`, `${secret.slice(10)}!`] };
    });
    const { out } = await ask("-i", ...signed, `https://${name}/`);
    expect(seen).toEqual([`Bearer ${secret}`]);
    expect(out).toContain(`you said ${"*".repeat(secret.length)}!`);
    expect(out).toContain(`x-echo: Bearer ${"*".repeat(secret.length)}`);
    expect(out.toLowerCase()).not.toMatch(/alt-svc|set-cookie/);
  });

  test("another credential is refused, with the reason", async () => {
    await open(here);
    const { out } = await ask("-i", "-H", "authorization: Bearer mine", `https://${name}/`);
    expect(out).toMatch(/^HTTP\/\S+ 403/);
    expect(out).toContain("another credential");
    expect(lab!.told).toHaveLength(1);
  });

  test("a request for another host is refused", async () => {
    await open(here);
    expect((await ask("-i", "-H", "Host: other.test", `https://${name}/`)).out).toMatch(/^HTTP\/\S+ 421/);
  });

  test("rules about requests hold", async () => {
    await open(here, { injects: false, allow: [`GET ${name}/open`], deny: [`${name}/open/shut`] });
    const statusOf = async (...args: string[]): Promise<string> =>
      (await ask("-o", "/dev/null", "-w", "%{http_code}", ...args)).out;
    expect(await statusOf(`https://${name}/open/x`)).toBe("200");
    expect(await statusOf(`https://${name}/open/shut`)).toBe("403");
    expect(await statusOf(`https://${name}/other`)).toBe("403");
    expect(await statusOf("-d", "x", `https://${name}/open`)).toBe("403");
    const said = { event: "allowed", method: "GET", path: "/open/x" } as const;
    expect(lab!.happenings).toContainEqual(expect.objectContaining(said));
  });

  test("a request waits while its credential is renewed, and a value that was not taken is told", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    let value = "old-value-of-the-token";
    let pending: Promise<void> | undefined = promise;
    const seen: (string | undefined)[] = [];
    await open(
      ({ authorization }) => {
        seen.push(authorization);
        return { status: 401, parts: ["no"] };
      },
      { live: { value: () => value, freshen: () => pending, secrets: () => [value] } },
    );
    const answer = ask(...signed, `https://${name}/`);
    await Bun.sleep(200);
    expect(seen).toEqual([]);
    value = "new-value-of-the-token";
    pending = undefined;
    resolve();
    expect((await answer).out).toBe("no");
    expect(seen).toEqual([`Bearer ${value}`]);
    expect(lab!.rejected).toEqual([value]);
  });

  test("a rule that comes later ends what it no longer allows", async () => {
    await open(() => ({ parts: Array.from({ length: 1000 }, () => "on and on\n") }));
    const streaming = ask("-N", ...signed, `https://${name}/`);
    await Bun.sleep(300);
    addRule(lab!.checkpoint.rules, "deny", { value: name, origin: "test" });
    enforce(lab!.checkpoint);
    const { out, code } = await streaming;
    expect(out).toStartWith("on and on");
    expect(code).not.toBe(0);
    expect(code).not.toBe(28);
  });

  test("large bodies, both ways", async () => {
    await open(({ body }) => ({ parts: [body] }));
    const body = path.join(scratch, "body");
    fs.writeFileSync(body, crypto.getRandomValues(Buffer.alloc(60_000)).toString("hex").repeat(100));
    const back = path.join(scratch, "back");
    await ask(...signed, "--data-binary", `@${body}`, "-o", back, `https://${name}/`);
    expect(Bun.hash(fs.readFileSync(back))).toBe(Bun.hash(fs.readFileSync(body)));
  });
});
