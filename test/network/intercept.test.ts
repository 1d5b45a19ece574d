import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { residentMegabytes, type Shell, soon } from "./lab.ts";
import { webSocket } from "./python-clients.ts";
import { createSecureLab, type SecureLab } from "./secure-lab.ts";
import { answerEcho, createEvents, upgradeEcho } from "./servers/echo.ts";
import type { Service } from "./servers/secure.ts";

/** What the gateway looks into arrives as it was sent, at once, and answers come back likewise. */

setDefaultTimeout(120_000);

let lab: SecureLab;
let service: Service;
/** A rule about requests is what makes the gateway look. */
const looking = ["--allow-host", "intercepted.test", "--deny-host", "DELETE intercepted.test/never"];
const direct = "curl -sS -m 60 --noproxy '*'";
const through = "curl -sS -m 60";
const ways = [
  { way: "without a proxy", curl: direct },
  { way: "through the proxy of the variables", curl: through },
  { way: "over SOCKS", curl: `${direct} --noproxy '' -x socks5h://127.66.0.1:1066` },
];
const versions = [
  { flag: "--http1.1", version: "1.1" },
  { flag: "--http2", version: "2.0" },
];

beforeEach(() => {
  lab = createSecureLab();
});
afterEach(() => lab.close());

const serveEcho = async (): Promise<void> => {
  service = await lab.serveTls("intercepted.test", answerEcho, { upgrade: upgradeEcho });
};

describe.each(ways)("$way", ({ curl }) => {
  test("each version of HTTP goes on as what it is, under a certificate of this sandbox", async () => {
    await serveEcho();
    const shell = await lab.open(looking);
    for (const { flag, version } of versions) {
      const { stdout, stderr } = await shell.ask(`${curl} -v ${flag} https://intercepted.test/a?b=c -d body`);
      expect(JSON.parse(stdout)).toMatchObject({ method: "POST", target: "/a?b=c" });
      expect(service.arrivals.at(-1)).toMatchObject({ host: "intercepted.test", version });
      expect(stderr).toContain("SSL certificate verify ok");
      expect(/issuer: (.*)/.exec(stderr)?.[1]).not.toContain("a test's own");
    }
    await shell.leave();
    expect(lab.audit()).toContainEqual(
      expect.objectContaining({ event: "allowed", host: "intercepted.test", method: "POST", path: "/a" }),
    );
  });

  test("an event comes when it is sent", async () => {
    const events = createEvents();
    await lab.serveTls("intercepted.test", events.answer);
    const shell = await lab.open(looking);
    for (const { flag } of versions) {
      const before = shell.stdout().length;
      const answer = shell.ask(`${curl} -N ${flag} https://intercepted.test/`);
      for (const number of [1, 2, 3]) {
        await soon(() => shell.stdout().slice(before).endsWith(`data: event ${number}\n\n`), shell.stderr);
        events.next();
      }
      expect((await answer).stdout).toEndWith("data: end\n\n");
    }
  });
});

test("what nothing asks to look into keeps its own certificate", async () => {
  await serveEcho();
  const shell = await lab.open(["--allow-host", "intercepted.test"]);
  const { stderr } = await shell.ask(`${direct} -v https://intercepted.test/`);
  expect(/issuer: (.*)/.exec(stderr)?.[1]).toContain("a test's own");
});

describe.each(versions)("HTTP $version", ({ flag, version }) => {
  test("many megabytes, up and down, are the same at the other end", async () => {
    await serveEcho();
    const shell = await lab.open(looking);
    const bytes = 48 * 1024 * 1024;
    const { stdout } = await shell.ask(`head -c ${bytes} /dev/urandom > big; sha256sum < big
${direct} ${flag} --data-binary @big https://intercepted.test/length
echo; ${direct} ${flag} --data-binary @big -o back https://intercepted.test/body; sha256sum < back
${direct} ${flag} -o down 'https://intercepted.test/large?bytes=${bytes}'; tr -d x < down | wc -c; wc -c < down`);
    const [sent, arrived, back, others, size] = stdout.trim().split("\n");
    expect(arrived).toBe(`${bytes} ${sent!.split(" ")[0]}`);
    expect(back).toBe(sent!);
    expect([others, size].map(Number)).toEqual([0, bytes]);
    expect(service.arrivals.every((arrival) => arrival.version === version)).toBe(true);
    expect(residentMegabytes(shell.pid)).toBeLessThan(300);
  });

  test("one connection carries many requests, each looked at", async () => {
    await serveEcho();
    const shell = await lab.open(looking);
    const { stdout } = await shell.ask(
      `${direct} ${flag} -w '%{http_code} %{num_connects}\\n' https://intercepted.test/alternative https://intercepted.test/body -o /dev/null -o /dev/null --next -sS ${flag} -X DELETE -o /dev/null -w '%{http_code}\\n' https://intercepted.test/never --next -sS ${flag} -X POST -o /dev/null -w '%{http_code}\\n' https://intercepted.test/never`,
    );
    expect(stdout.split("\n").slice(0, 4)).toEqual(["200 1", "200 0", "403", "200"]);
    expect(service.arrivals.map(({ method, target }) => `${method} ${target}`)).toEqual([
      "GET /alternative",
      "GET /body",
      "POST /never",
    ]);
  });

  test("a hint at another way to the server does not come in", async () => {
    await serveEcho();
    const shell = await lab.open(looking);
    const { stdout } = await shell.ask(`${direct} -i ${flag} https://intercepted.test/alternative`);
    expect(stdout).toEndWith("here\n");
    expect(stdout).not.toMatch(/alt-svc/i);
  });

  test("NT-09 a request for another host is not for this server", async () => {
    await serveEcho();
    const other = await lab.serveTls("other.test", answerEcho);
    const shell = await lab.open([...looking, "--allow-host", "other.test"]);
    const { stdout } = await shell.ask(
      `for host in other.test intercepted.test:444 INTERCEPTED.test. intercepted.test@other.test 11.1.1.2; do
${direct} ${flag} -o /dev/null -w "%{http_code} $host\\n" -H "Host: $host" https://intercepted.test/; done`,
    );
    expect(stdout.trim().split("\n")).toEqual([
      "421 other.test",
      "421 intercepted.test:444",
      "200 INTERCEPTED.test.",
      expect.stringMatching(/^(400|421|000) /),
      "421 11.1.1.2",
    ]);
    expect(service.arrivals.length).toBe(1);
    expect(other.arrivals.length).toBe(0);
  });
});

test("a WebSocket opens, and what is said on it comes through", async () => {
  await serveEcho();
  const shell = await lab.open(looking);
  const { stdout } = await shell.python(webSocket(["hello", "x".repeat(100)]));
  expect(stdout).toBe(`101\nwelcome stranger\nhello\n${"x".repeat(100)}\n`);
});

describe("trust", () => {
  test("a server whose authority nobody trusts is not reached, whatever the client would accept", async () => {
    service = await lab.serveTls("intercepted.test", answerEcho, { authority: lab.makeAuthority("stranger") });
    const shell = await lab.open(looking);
    const { stdout, code } = await shell.ask(`${direct} -k https://intercepted.test/`);
    expect(stdout).not.toContain("method");
    expect(code).not.toBe(0);
    expect(service.arrivals).toEqual([]);
    await shell.leave();
    expect(lab.audit()).toContainEqual(expect.objectContaining({ event: "failed", host: "intercepted.test" }));
  });

  test("NT-23 the key of this sandbox's authority is nowhere inside, and every sandbox has its own", async () => {
    await serveEcho();
    const issuers = [];
    for (let run = 0; run < 2; run++) {
      const shell: Shell = await lab.open(looking);
      const { stdout } = await shell.ask(
        "grep -rsl -e 'BEGIN.*PRIVATE KEY' /etc /run /tmp /var /dev/shm ~ . ; openssl s_client -connect intercepted.test:443 -servername intercepted.test </dev/null 2>/dev/null | openssl x509 -noout -fingerprint -issuer",
      );
      expect(stdout).not.toContain("/");
      issuers.push(stdout);
      await shell.leave();
    }
    expect(issuers[0]).toContain("ingerprint");
    expect(issuers[0]).not.toBe(issuers[1]!);
  });
});
