import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import tls from "node:tls";
import { users } from "../run/lab.ts";
import { createNetworkLab, type NetworkLab, sayHttp } from "./lab.ts";

/** A house with a proxy of its own, a password for it, and an authority of its own. */

setDefaultTimeout(120_000);

let lab: NetworkLab;
const password = "house-secret-2718";
const bearer = Buffer.from(`agnes:${password}`).toString("base64");
const fetching = "curl -sS -m 20 --noproxy '*'";

type Asked = { line: string; login: string | undefined };

/** The proxy of the house: CONNECT with a password, every name leads to 11.1.1.1 at the asked port. */
const serveProxy = async (): Promise<Asked[]> => {
  const asked: Asked[] = [];
  await lab.serve("192.168.7.7", 3128, (client) => {
    let text = "";
    const read = (chunk: Buffer) => {
      text += chunk.toString("latin1");
      if (!text.includes("\r\n\r\n")) return;
      client.off("data", read);
      const [line = ""] = text.split("\r\n");
      const login = /^proxy-authorization: basic (.*)\r$/im.exec(text)?.[1];
      asked.push({ line, login });
      if (login !== bearer) {
        const body = "<h1>house-page for agnes</h1>";
        client.end(
          `HTTP/1.1 407 House-Reason\r\nProxy-Authenticate: Basic realm="house-realm"\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
        );
        return;
      }
      const port = Number(/^CONNECT [^ ]*:(\d+) /.exec(line)?.[1]);
      const server = net.connect(port, "11.1.1.1", () => {
        client.write("HTTP/1.1 200 House-Reason\r\nX-House: house-header\r\n\r\n");
        client.pipe(server).pipe(client);
      });
      for (const [one, other] of [
        [client, server],
        [server, client],
      ] as const) {
        one.on("error", () => other.destroy());
        one.on("close", () => other.destroy());
      }
    };
    client.on("data", read);
  });
  return asked;
};

const proxyUrl = (secret = password) => `http://agnes:${secret}@192.168.7.7:3128`;

afterEach(() => lab.close());

describe.each(users)("the proxy of the house: $name", ({ uid }) => {
  test("everything that is allowed goes through it, and its password stays outside", async () => {
    lab = createNetworkLab(uid, { HTTPS_PROXY: proxyUrl(), http_proxy: proxyUrl(), NO_PROXY: "lan.test,.shop.test" });
    const asked = await serveProxy();
    await lab.serve("11.1.1.1", 80, sayHttp("here"));
    await lab.serve("11.1.1.1", 8000, sayHttp("here too"));
    const rules = ["only-the-proxy-knows.test", "only-the-proxy-knows.test:8000"];
    const shell = await lab.open(rules.flatMap((rule) => ["--allow-host", rule]));
    for (const how of [fetching, "curl -sS -m 20", "curl -sS -m 20 -x socks5h://127.66.0.1:1066"]) {
      expect((await shell.ask(`${how} http://only-the-proxy-knows.test/`)).stdout).toBe("here");
      expect((await shell.ask(`${how} http://only-the-proxy-knows.test:8000/`)).stdout).toBe("here too");
    }
    const line = (port: number) => ({ line: `CONNECT only-the-proxy-knows.test:${port} HTTP/1.1`, login: bearer });
    expect(asked).toEqual([1, 2, 3].flatMap(() => [line(80), line(8000)]));
    // Denied names do not even reach it.
    await shell.ask("curl -s -m 20 http://denied.test/");
    expect(asked.length).toBe(6);

    const search = await shell.ask(`env; cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n'
grep -rsI -e house-secret -e ${bearer} -e agnes /etc /run /tmp /var ~ . && echo found
curl -sS -i -m 20 http://only-the-proxy-knows.test/`);
    expect(search.stdout).toContain("HTTP_PROXY=http://127.66.0.1:1066");
    expect(search.stdout).toContain("here");
    for (const word of [password, bearer, "agnes", "house", "192.168.7.7", "House-Reason"])
      expect(search.stdout).not.toContain(word);
    await shell.leave();
    expect(fs.readFileSync(lab.auditFile, "utf8")).not.toMatch(new RegExp(`${password}|${bearer}|agnes`));
  });

  test("a wrong password: the status is told, and nothing that the proxy says", async () => {
    lab = createNetworkLab(uid, { ALL_PROXY: proxyUrl("wrong") });
    const asked = await serveProxy();
    const shell = await lab.open(["--allow-host", "allowed.test"]);
    const sentence = "allowed.test:80 cannot be reached: the upstream proxy answered 407";
    const answers = [];
    for (const how of [fetching, "curl -sS -m 20", "curl -sS -m 20 -p"])
      answers.push(await shell.ask(`${how} -i http://allowed.test/`));
    expect(answers[0]!.stdout).toStartWith(`HTTP/1.1 502 ${sentence}\r\n`);
    expect(answers[1]!.stdout).toStartWith(`HTTP/1.1 502 ${sentence}\r\n`);
    expect(answers[2]!.stderr).toContain("502");
    for (const { stdout, stderr } of answers)
      expect(`${stdout}${stderr}`).not.toMatch(/house|agnes|wrong|Authenticate/i);
    expect(asked.length).toBe(3);
    await shell.leave();
    expect(lab.audit()[0]).toMatchObject({ event: "failed", reason: sentence });
  });

  test("NO_PROXY names what is dialled directly", async () => {
    lab = createNetworkLab(uid, { HTTP_PROXY: proxyUrl(), NO_PROXY: ".shop.test, lan.test:80" });
    const asked = await serveProxy();
    await lab.serve("11.1.1.1", 80, sayHttp("direct or not"));
    const shell = await lab.open(["--allow-host", "*.shop.test", "--allow-host", "allowed.test"]);
    expect((await shell.ask(`${fetching} http://www.shop.test/`)).stdout).toBe("direct or not");
    expect(asked).toEqual([]);
    expect((await shell.ask(`${fetching} http://allowed.test/`)).stdout).toBe("direct or not");
    expect(asked.length).toBe(1);
  });
});

test("a proxy that cannot be used is said before the start, without its password", async () => {
  lab = createNetworkLab(0, { HTTPS_PROXY: `ftp://agnes:${password}@192.168.7.7:3128` });
  const { code, stderr } = await lab.cordon(["run", "--net", "filtered", "--", "true"]);
  expect(code).toBe(125);
  expect(stderr).toContain("HTTPS_PROXY");
  expect(stderr).not.toContain(password);
});

test("the proxy of the house is gone: the program is told so", async () => {
  lab = createNetworkLab(0, { HTTPS_PROXY: proxyUrl(), HTTP_PROXY: proxyUrl() });
  await lab.serve("11.1.1.1", 80, sayHttp("around it"));
  const shell = await lab.open(["--allow-host", "allowed.test"]);
  const { stdout } = await shell.ask(`${fetching} http://allowed.test/`);
  expect(stdout).toBe("cordon: allowed.test:80 cannot be reached: upstream proxy: connection refused\n");
});

/** An authority of the house and a certificate of it for one name; the paths of both and of the key. */
const makeAuthority = (directory: string) => {
  const at = (name: string) => path.join(directory, name);
  const run = (...args: string[]) => {
    const { status, stderr } = spawnSync("openssl", args, { cwd: directory });
    if (status !== 0) throw new Error(stderr.toString());
  };
  fs.writeFileSync(at("names"), "subjectAltName=DNS:allowed.test,DNS:git.test\n");
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  run("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "30", "-subj", "/CN=House authority");
  run("req", ...key, "-keyout", "key.pem", "-out", "request", "-subj", "/CN=allowed.test");
  const signing = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30", "-extfile", "names"];
  run("x509", "-req", "-in", "request", "-out", "cert.pem", ...signing);
  return { ca: at("ca.pem"), key: fs.readFileSync(at("key.pem")), cert: fs.readFileSync(at("cert.pem")) };
};

const clients: Record<string, { variables: string[]; script: string }> = {
  curl: { variables: ["SSL_CERT_FILE", "CURL_CA_BUNDLE"], script: "curl -sS -m 20 https://allowed.test/" },
  "curl without a proxy": { variables: ["SSL_CERT_FILE"], script: `${fetching} https://allowed.test/` },
  node: {
    variables: ["NODE_EXTRA_CA_CERTS"],
    script: `node -e 'fetch("https://allowed.test/").then(async (r) => console.log(await r.text()), (e) => { console.log(e.cause.code); process.exit(1) })'`,
  },
  python: {
    variables: ["SSL_CERT_FILE"],
    script: `/usr/bin/python3 -c 'import urllib.request; print(urllib.request.urlopen("https://allowed.test/", timeout=20).read())'`,
  },
  git: {
    // Debian's git is built with GnuTLS, which does not look at SSL_CERT_FILE, neither here nor outside.
    variables: ["GIT_SSL_CAINFO"],
    // The server's words are, to git, a list of no branches.
    script: 'git ls-remote https://git.test/; echo "status $?"',
  },
  "who reads it by hand": {
    variables: ["REQUESTS_CA_BUNDLE", "PIP_CERT"],
    // Inside, the two are always set, to the same file.
    script: 'curl -sS -m 20 --cacert "$VARIABLE" https://allowed.test/',
  },
};

describe("the authority of the house", () => {
  let place: string;
  let house: ReturnType<typeof makeAuthority>;

  beforeEach(async () => {
    lab = createNetworkLab();
    place = path.join(lab.directory, "house");
    fs.mkdirSync(place);
    house = makeAuthority(place);
    const server = tls.createServer({ key: house.key, cert: house.cert }, sayHttp("trusted"));
    await new Promise<void>((resolve) => server.listen(443, "11.1.1.1", resolve));
    lab.onClose(() => server.close());
  });

  const told = { git: "status 0" } as Record<string, string>;
  for (const [name, { variables, script }] of Object.entries(clients))
    for (const variable of variables)
      test(`${name} trusts it by ${variable}, and not without`, async () => {
        const rules = ["--allow-host", "allowed.test", "--allow-host", "git.test"];
        const asked = script.replace("$VARIABLE", `$${variable}`);
        const before = await (await lab.open(rules)).ask(asked);
        expect(before.stdout).not.toContain(told[name] ?? "trusted");
        lab.env[variable] = house.ca;
        const shell = await lab.open(rules);
        const after = await shell.ask(asked);
        expect(`${after.stdout} ${after.stderr}`).toContain(told[name] ?? "trusted");
        expect((await shell.ask(`echo x >> ${house.ca} || ls ${place}`)).stdout).toBe("ca.pem\n");
      });
});
