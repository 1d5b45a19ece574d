import { beforeAll, describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http2 from "node:http2";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import tls from "node:tls";
import { createAuthority } from "../../../src/egress/intercept/certificate-authority.ts";
import { cleanups, placeholder, secret, startPeers, startRelay } from "./h2-lab.ts";

const stars = "*".repeat(secret.length);
const authorization = `Authorization: ${placeholder}`;
let relay: Awaited<ReturnType<typeof startRelay>>;
beforeAll(async () => {
  relay = await startRelay((await startPeers()).port);
});

/** The relay behind TLS, under a name for which there is a certificate. */
const startTls = async (folder: string) => {
  const authority = await createAuthority();
  const leaf = await authority.issue("a.example");
  const listener = tls.createServer({ ...leaf, ALPNProtocols: ["h2"] }, (client) => {
    const inner = net.connect(relay.port, "127.0.0.1");
    client.on("error", () => inner.destroy());
    inner.on("error", () => client.destroy());
    client.pipe(inner).pipe(client);
  });
  await once(listener.listen(0, "127.0.0.1"), "listening");
  cleanups.push(() => listener.close());
  writeFileSync(path.join(folder, "authority.pem"), authority.pem);
  return (listener.address() as net.AddressInfo).port;
};

describe.skipIf(!Bun.which("curl"))("curl", () => {
  let port: number;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), "h2-"));
    cleanups.push(() => rmSync(folder, { recursive: true }));
    port = await startTls(folder);
    writeFileSync(path.join(folder, "large"), Buffer.alloc(4 << 20, "large"));
  });
  const curl = async (target: string, ...args: string[]): Promise<string> => {
    const places = ["--cacert", path.join(folder, "authority.pem"), "--connect-to", `a.example:443:127.0.0.1:${port}`];
    const asking = [
      "-qsS",
      "--no-progress-meter",
      "--max-time",
      "60",
      "--http2",
      "-w",
      "%{http_version} %{http_code}",
      "-H",
      authorization,
    ];
    const child = spawn("curl", [...asking, ...places, ...args, `https://a.example${target}`], {
      stdio: ["ignore", "pipe", "inherit"],
      cwd: folder,
      env: { PATH: process.env["PATH"] },
    });
    let said = "";
    child.stdout.on("data", (chunk) => {
      said += chunk;
    });
    await once(child, "close");
    return said;
  };

  test("is answered without the secret", async () => {
    expect(await curl("/hello")).toBe(`hello ${stars}2 200`);
  });
  test("uploads", async () => {
    const hash = new Bun.CryptoHasher("sha256").update(Buffer.alloc(4 << 20, "large")).digest("hex");
    expect(await curl("/hash", "--data-binary", "@large")).toBe(`${hash}2 200`);
  });
  test("is told what is refused, also in the middle of an upload", async () => {
    expect(await curl("/refused")).toBe("cordon: not here\n2 403");
    expect(await curl("/refused", "--data-binary", "@large")).toBe("cordon: not here\n2 403");
    expect(await curl("/refused", "-I")).toEndWith("2 403");
  });
  test("asks for many things at a time", async () => {
    const said = await curl("/{hello,refused,split,hello?1,refused?2}", "-Z");
    expect(said.match(/2 \d{3}/g)?.sort()).toEqual(["2 200", "2 200", "2 200", "2 403", "2 403"]);
  });
});

test("a client of Bun is answered", async () => {
  const session = http2.connect("https://a.example", { createConnection: () => net.connect(relay.port, "127.0.0.1") });
  const ask = async (target: string, body?: Uint8Array) => {
    const method = body ? "POST" : "GET";
    const stream = session.request({ ":method": method, ":path": target, authorization: placeholder });
    let status = 0;
    let text = "";
    stream.on("response", (fields) => {
      status = Number(fields[":status"]);
    });
    stream.setEncoding("utf8").on("data", (part) => {
      text += part;
    });
    stream.end(body);
    await once(stream, "end");
    return [status, text];
  };
  const large = Buffer.alloc(1 << 20, "large");
  const hash = new Bun.CryptoHasher("sha256").update(large).digest("hex");
  expect(await ask("/hello")).toEqual([200, `hello ${stars}`]);
  expect(await Promise.all([ask("/hash", large), ask("/refused"), ask("/hello")])).toEqual([
    [200, hash],
    [403, "cordon: not here\n"],
    [200, `hello ${stars}`],
  ]);
  session.destroy();
}, 60_000);
