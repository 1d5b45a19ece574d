import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import path from "node:path";
import { users } from "../run/lab.ts";
import type { Shell } from "./lab.ts";
import { sayRaw, webSocket } from "./python-clients.ts";
import { createSecureLab, type SecureLab } from "./secure-lab.ts";
import { answerEcho, upgradeEcho } from "./servers/echo.ts";
import { type Answer, readBody, type Service } from "./servers/secure.ts";

/** A placeholder becomes the real value in one place only, and the real value does not come back. */

setDefaultTimeout(120_000);

const real = "real-value-of-the-service-5d1f8a2b";
const foreign = "credential-of-somebody-else-77";
const get = "curl -sS -m 20 --noproxy '*'";
const versions = ["--http1.1", "--http2"];

const { uid } = users.at(-1)!;

let lab: SecureLab;
let shell: Shell;
/** All that any server heard: addresses, headers, bodies, trailers. */
let heard: string[];
let services: Service[];
afterEach(() => lab.close());

const listen: Answer = async (request, response) => {
  const body = (await readBody(request)).toString("latin1");
  heard.push(JSON.stringify({ target: request.url, headers: request.headers, trailers: request.trailers, body }));
  response.end("heard\n");
};

const rules = ["intercepted.test", "intercepted.test:8443", "other.test"].flatMap((rule) => ["--allow-host", rule]);

/** A service of the user's, its servers, and the servers that are none of its. */
const open = async (answer: Answer, options: string[] = []): Promise<void> => {
  heard = [];
  lab = createSecureLab(uid, { ECHO_TOKEN: real });
  const lines = ['hosts = ["intercepted.test"]', 'variable = "ECHO_TOKEN"', 'variable-inside = "ECHO_TOKEN"'];
  const config = `[services.echo]\n${lines.join("\n")}\n`;
  lab.write(path.join(lab.at("home"), ".config/cordon/config.toml"), config, 0o600);
  services = [
    await lab.serveTls("intercepted.test", answer, { upgrade: upgradeEcho }),
    await lab.serveTls("intercepted.test", answer, { port: 8443 }),
    await lab.serveTls("intercepted.test", answer, { isPlain: true }),
    await lab.serveTls("other.test", answer),
    await lab.serveTls("other.test", answer, { isPlain: true }),
  ];
  shell = await lab.open([...rules, ...options]);
};

test("in its place the real value goes out, in either version of HTTP and on either way", async () => {
  await open(listen);
  expect((await shell.ask('echo "$ECHO_TOKEN"')).stdout).toContain("placeholder");
  for (const version of versions)
    for (const way of [get, "curl -sS -m 20"])
      for (const scheme of ["Bearer", "bearer"])
        expect(
          (await shell.ask(`${way} ${version} -H "Authorization: ${scheme} $ECHO_TOKEN" https://intercepted.test/`))
            .stdout,
        ).toBe("heard\n");
  expect(heard.length).toBe(8);
  for (const text of heard) expect(JSON.parse(text).headers.authorization).toEndWith(` ${real}`);
});

const there = "https://intercepted.test";
const rightly = '-H "Authorization: Bearer $ECHO_TOKEN"';

/** What is typed; each of it would carry the value to a server if it stood in the placeholder's stead. */
const misuses: Record<string, string> = {
  "another host": `${get} ${rightly} https://other.test/`,
  "another port of the host": `${get} ${rightly} ${there}:8443/`,
  "plain HTTP": `${get} ${rightly} http://intercepted.test/`,
  "plain HTTP, through the proxy": `curl -sS -m 20 ${rightly} http://intercepted.test/`,
  "plain HTTP, in a tunnel": `curl -sS -m 20 -p ${rightly} http://intercepted.test/`,
  "another host, with the name of the right one": `${get} ${rightly} -H 'Host: intercepted.test' https://other.test/`,
  "the right host, with the name of another": `${get} ${rightly} -H 'Host: other.test' ${there}/`,
  "the address": `${get} "${there}/$ECHO_TOKEN"`,
  "the query": `${get} "${there}/?token=$ECHO_TOKEN"`,
  "a query that signs in": `${get} "${there}/?access_token=$ECHO_TOKEN"`,
  "the body": `${get} -d "token=$ECHO_TOKEN" ${there}/`,
  "the body beside the right place": `${get} ${rightly} -X POST -d "token=$ECHO_TOKEN" https://other.test/`,
  "User-Agent": `${get} -A "$ECHO_TOKEN" ${there}/`,
  Cookie: `${get} -b "token=$ECHO_TOKEN" ${there}/`,
  Referer: `${get} -e "$ECHO_TOKEN" ${there}/`,
  "a field of its own": `${get} -H "X-Token: Bearer $ECHO_TOKEN" ${there}/`,
  "the field of another kind of key": `${get} -H "X-Api-Key: $ECHO_TOKEN" ${there}/`,
  "the name of a field": `${get} -H "$ECHO_TOKEN: x" ${there}/`,
  "without the word before it": `${get} -H "Authorization: $ECHO_TOKEN" ${there}/`,
  "another word before it": `${get} -H "Authorization: Digest $ECHO_TOKEN" ${there}/`,
  "a password": `${get} -u "user:$ECHO_TOKEN" ${there}/`,
  "a user's name": `${get} -u "$ECHO_TOKEN:x" ${there}/`,
  "with something before it": `${get} -H "Authorization: Bearer x$ECHO_TOKEN" ${there}/`,
  "with something behind it": `${get} -H "Authorization: Bearer \${ECHO_TOKEN}x" ${there}/`,
  "twice in one field": `${get} -H "Authorization: Bearer $ECHO_TOKEN $ECHO_TOKEN" ${there}/`,
  "in two fields": `${get} ${rightly} -H "authorization: Bearer $ECHO_TOKEN" ${there}/`,
  "a trailer": `${get} -H 'Transfer-Encoding: chunked' -H "Trailer: Authorization" -d "$ECHO_TOKEN" ${there}/`,
};

/** These differ from the placeholder, so that the real value would not be itself either. */
const spellings: Record<string, string> = {
  "in capitals": `${get} -H "Authorization: Bearer $(echo $ECHO_TOKEN | tr a-z A-Z)" ${there}/`,
  "percent-encoded": `${get} -H "Authorization: Bearer $(echo $ECHO_TOKEN | sed s/-/%2d/g)" ${there}/`,
  "in base64": `${get} -H "Authorization: Bearer $(printf %s $ECHO_TOKEN | base64 -w0)" ${there}/`,
  "one half": `${get} -H "Authorization: Bearer $(echo $ECHO_TOKEN | cut -c1-20)" ${there}/`,
};

describe("NT-21 anywhere else it stays what it is, or the request is refused", () => {
  test.each(versions)("%s", async (version) => {
    await open(listen);
    for (const [title, script] of Object.entries({ ...misuses, ...spellings })) {
      heard.length = 0;
      const { stdout, stderr } = await shell.ask(script.replaceAll(" -m 20", ` -m 20 ${version}`));
      expect({ title, heard: heard.filter((text) => text.includes(real)) }).toEqual({ title, heard: [] });
      expect({ title, said: stdout + stderr }).not.toMatchObject({ said: expect.stringContaining(real) });
    }
    // The right use still works behind all of that.
    await shell.ask(`${get} ${rightly} ${there}/`);
    expect(heard.at(-1)).toContain(real);
  });

  test.each(["", "permessage-deflate"])(
    "what is said on a WebSocket is nobody's placeholder: %s",
    async (extension) => {
      await open(listen);
      const { stdout } = await shell.python(webSocket(["$TOKEN"], extension));
      const [status, welcome, echoed] = stdout.split("\n");
      expect(status).toBe("101");
      expect(welcome).toStartWith("welcome Bearer ");
      expect(welcome).not.toContain(real);
      expect(echoed).toContain("placeholder");
      expect(services[0]!.arrivals.at(-1)!.headers.authorization).toBe(`Bearer ${real}`);
    },
  );

  test("two requests at once, the second to another host", async () => {
    await open(listen);
    const token = (await shell.ask('printf %s "$ECHO_TOKEN"')).stdout;
    const request = (host: string) => `GET / HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${token}\r\n\r\n`;
    const folded = `GET / HTTP/1.1\r\nHost: intercepted.test\r\nAuthorization: Bearer\r\n ${token}\r\n\r\n`;
    const split = `GET / HTTP/1.1\r\nHost: intercepted.test\r\nAuthorization: Bearer ${token.slice(0, 9)}\r\nAuthorization: ${token.slice(9)}\r\n\r\n`;
    await shell.python(
      sayRaw("intercepted.test", [request("intercepted.test") + request("other.test"), folded, split]),
    );
    expect(heard.filter((text) => text.includes(real)).length).toBe(1);
  });

  test("each of these carries what is in the variable: with the real value in it, all are noticed", async () => {
    await open(listen, ["--credentials", "none", "--env", `ECHO_TOKEN=${real}`]);
    const quiet: string[] = [];
    for (const [title, script] of Object.entries(misuses)) {
      heard.length = 0;
      await shell.ask(script);
      const isNoticed = heard.some((text) => text.includes(real) || text.includes(btoa(`user:${real}`).slice(0, -4)));
      if (!isNoticed && !heard.some((text) => text.includes(btoa(`${real}:x`).slice(0, -4)))) quiet.push(title);
    }
    expect(quiet).toEqual([]);
  });
});

const reflections = ["", "in-headers", "redirect", "chunked", "split", "gzip", "base64", "error"];

describe("NT-22 what a server repeats of it does not come in", () => {
  test.each(versions)("%s", async (version) => {
    await open(answerEcho);
    for (const place of reflections) {
      const { stdout, stderr } = await shell.ask(
        `${get} ${version} -v --compressed ${rightly} ${there}/${place}; ${get} ${version} -sD - ${rightly} ${there}/${place} | base64 -d 2>/dev/null | tr -d '\\0'`,
      );
      const encoded = [Buffer.from(real), Buffer.from(`x${real}`), Buffer.from(`xx${real}`)].map((bytes) =>
        bytes.toString("base64").slice(4, -4),
      );
      for (const form of [real, encodeURIComponent(real), ...encoded])
        expect({ place, form, isThere: (stdout + stderr).includes(form) }).toEqual({ place, form, isThere: false });
    }
    expect(services[0]!.arrivals.length).toBe(reflections.length * 2);
    for (const { headers } of services[0]!.arrivals) expect(headers.authorization).toBe(`Bearer ${real}`);
  });

  test("it says it in every one of these, when nobody stands in between", async () => {
    await open(answerEcho, ["--credentials", "none", "--env", `ECHO_TOKEN=${real}`]);
    for (const place of reflections.filter((place) => place !== "base64")) {
      const { stdout, stderr } = await shell.ask(`${get} -D - --compressed ${rightly} ${there}/${place}`);
      expect(stdout + stderr).toContain(real);
    }
  });
});

/** Ways to bring another account's credential to a server that is allowed. */
const strangers: Record<string, string> = {
  "a token": `-H 'Authorization: Bearer ${foreign}'`,
  "a key": `-H 'X-Api-Key: ${foreign}'`,
  "a password": `-u 'attacker:${foreign}'`,
  "a cookie": `-b 'session=${foreign}'`,
  "a query": `-G -d 'access_token=${foreign}'`,
  "a token beside the right one": `${rightly} -H 'X-Auth-Token: ${foreign}'`,
};

describe("NT-28 another account's credential", () => {
  test.each(versions)("does not get to the host of this one, and the log says what was asked: %s", async (version) => {
    await open(listen);
    for (const [title, words] of Object.entries(strangers)) {
      const { stdout } = await shell.ask(`${get} ${version} ${words} -w ' %{http_code}' ${there}/gists`);
      expect({ title, stdout }).toMatchObject({ stdout: expect.stringMatching(/ 403$/) });
      expect(stdout).not.toContain(foreign);
    }
    expect(heard).toEqual([]);
    await shell.ask(`${get} ${version} ${rightly} -d new ${there}/gists?secret=1`);
    await shell.leave();
    const asked = lab.audit().filter(({ path }) => path === "/gists");
    expect(asked.filter(({ event }) => event === "denied").length).toBeGreaterThan(0);
    expect(asked.filter(({ event }) => event === "allowed")).toMatchObject([{ method: "POST" }]);
    expect(JSON.stringify(lab.audit())).not.toMatch(new RegExp(`${foreign}|${real}|secret=1`));
  });

  test("it would get there where there is none of the user's own", async () => {
    await open(listen, ["--credentials", "none"]);
    for (const words of Object.values(strangers)) await shell.ask(`${get} ${words} ${there}/gists`);
    expect(heard.length).toBe(Object.keys(strangers).length);
  });
});
