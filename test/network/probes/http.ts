import type { NetworkProbe } from "../facts.ts";
import { connect, proxy, socks, socksName } from "./proxy-client.ts";
import { ask, dial, request, type Talk } from "./talk.ts";
import { conclude, reachAllowed, tell, waitFor } from "./verdict.ts";

/** A connection on which requests are made, and how a target to the allowed host is written on it. */
type Way = { name: string; open: () => Promise<Talk | undefined>; target: (path: string, host?: string) => string };

const origin = (path: string) => path;
const ways: Way[] = [
  { name: "direct", open: () => dial("allowed.test", 80), target: origin },
  { name: "CONNECT", open: async () => (await connect("allowed.test:80")).talk, target: origin },
  { name: "SOCKS", open: async () => (await socks(socksName("allowed.test"))).talk, target: origin },
  {
    name: "absolute",
    open: () => dial(proxy.address, proxy.port),
    target: (path, host = "allowed.test") => `http://${host}${path}`,
  },
];

/** Says the pieces on every way, the next one after the answer to the one before, and gives what came back. */
const sayEverywhere = (write: (way: Way) => string[], chosen = ways, mostMs?: number): Promise<string>[] =>
  chosen.map(async (way) => {
    const talk = await way.open();
    let heard = "";
    for (const piece of write(way)) {
      talk?.forget();
      talk?.write(piece);
      heard = (await talk?.hear(/\r\n\r\n/, mostMs)) ?? "";
    }
    talk?.close();
    return heard;
  });

/** For probes that the server judges: the mark must not arrive. */
const judgedOutside = (answers: Promise<string>[]) => answers.map((answer) => answer.then(() => undefined));

const smuggled = "GET /smuggled HTTP/1.1\r\nHost: denied.test\r\n\r\n";
const chunkedFields = "Transfer-Encoding: chunked\r\n";
const post = (target: string, fields: string, body: string, version = "1.1") =>
  `POST ${target} HTTP/${version}\r\nHost: allowed.test\r\n${fields}\r\n${body}`;

/** Fields and body of requests of which two readers make two different things. */
export const ambiguous: [fields: string, body: string, version?: string][] = [
  [`Content-Length: 5\r\n${chunkedFields}`, `0\r\n\r\n${smuggled}`],
  [`${chunkedFields}Content-Length: 4\r\n`, `2f\r\n${smuggled}\r\n0\r\n\r\n`],
  [`Content-Length: 0\r\nContent-Length: ${smuggled.length}\r\n`, smuggled],
  [`Content-Length: 0, ${smuggled.length}\r\n`, smuggled],
  ["Content-Length: +0\r\n", smuggled],
  ["Content-Length : 0\r\n", smuggled],
  ["Content-Length: 0x0\r\n", smuggled],
  ["Transfer-Encoding: xchunked\r\n", `0\r\n\r\n${smuggled}`],
  ["Transfer-Encoding: \x0bchunked\r\n", `0\r\n\r\n${smuggled}`],
  ["Transfer-Encoding : chunked\r\n", `0\r\n\r\n${smuggled}`],
  ["Transfer-Encoding:\r\n chunked\r\n", `0\r\n\r\n${smuggled}`],
  ["Transfer-Encoding: chunked, identity\r\n", `0\r\n\r\n${smuggled}`],
  ["Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n", `0\r\n\r\n${smuggled}`],
  ["Transfer-Encoding: chunked\r\n", `0\r\n\r\n${smuggled}`, "1.0"],
  ["X: a\nTransfer-Encoding: chunked\r\n", `0\r\n\r\n${smuggled}`],
  ["X: a\rTransfer-Encoding: chunked\r\n", `0\r\n\r\n${smuggled}`],
  ["X\0: a\r\n", smuggled],
  ["Connection: Content-Length\r\nContent-Length: 0\r\n", smuggled],
  [chunkedFields, `0;x="\n"\r\n\r\n${smuggled}`],
  [chunkedFields, `0x0\r\n\r\n${smuggled}`],
  [chunkedFields, `0\n\n${smuggled}`],
  [chunkedFields, `00000000000000000\r\n\r\n${smuggled}`],
  [chunkedFields, `1\r\nab\r\n0\r\n\r\n${smuggled}`],
  [chunkedFields, `0\r\nContent-Length: 5\r\n\r\n${smuggled}`],
  ["\r\n", smuggled],
  ["", smuggled],
];

const otherHosts = [
  "denied.test",
  "www.shop.test",
  "DENIED.TEST",
  "allowed.test:8080",
  "11.1.1.2",
  "allowed.test@denied.test",
  "",
];

const tooMuch = 8 * 1024 * 1024;
const tooOften = 30_000;
/** All of it takes a server a while to read. */
const slowMs = 30_000;

/** Writes without an end until it is refused; a line when nobody ever does. */
const drip = async (what: string, way: Way, start: string, piece: string): Promise<string | undefined> => {
  const talk = await way.open();
  talk?.write(start);
  let said = 0;
  for (let turns = 0; talk && !talk.isClosed() && said < tooMuch && turns < tooOften; turns += 1) {
    talk.write(piece);
    said += piece.length;
    await Bun.sleep(0);
  }
  talk?.write("\r\n\r\n");
  const heard = (await talk?.hear(/HTTP\/1\.1 \d{3}/, slowMs)) ?? "";
  talk?.close();
  return /HTTP\/1\.1 2/.test(heard) ? `${what} (${way.name}): ${said} bytes were taken` : undefined;
};

/** Twice what the gateway takes for it, and far below what is sent. */
const mostMegabytes = 200;
const steering = "\x1b]52;c;ZXNjYXBl\x07\x1b[2J";

export const httpProbes: NetworkProbe[] = [
  {
    id: "NT-09",
    attack: "a Host field for another host than the one that is connected to",
    attempt: () =>
      conclude(
        judgedOutside(
          otherHosts.flatMap((host) => [
            ...sayEverywhere(({ target }) => [request(host, "", target("/mark"))]),
            ...sayEverywhere(({ target }) => [request("allowed.test", `Host: ${host}\r\n`, target("/mark"))]),
            ...sayEverywhere(({ target }) => [`GET ${target("/mark")} HTTP/1.0\r\nHost: ${host}\r\n\r\n`]),
            ...sayEverywhere(({ target }) => [
              request("allowed.test", "", target("/")),
              request(host, "", target("/mark")),
            ]),
            ...sayEverywhere(() => [request("allowed.test", "", `http://${host}/mark`)], ways.slice(0, 3)),
          ]),
        ),
        reachAllowed,
      ),
    inspect: ({ arrivals }) => {
      const hosts = arrivals.flatMap(({ text }) =>
        [...text.matchAll(/^host: *(.*)$/gim)].map(([, host]) => host!.trim()),
      );
      const others = hosts.filter((host) => host !== "allowed.test");
      return others.length > 0 ? `requests arrived for ${[...new Set(others)].join(", ")}` : undefined;
    },
  },
  {
    id: "NT-14",
    attack: "smuggle a second request inside of a first one, or behind it",
    attempt: () =>
      conclude(
        judgedOutside([
          ...ambiguous.flatMap(([fields, body, version]) =>
            sayEverywhere(({ target }) => [post(target("/first"), fields, body, version)]),
          ),
          ...sayEverywhere(({ target }) => [
            request("allowed.test", "", target("/first")) +
              request("denied.test", "", target("/smuggled", "denied.test")),
          ]),
          ...sayEverywhere(({ target }) => [
            request("allowed.test", "", target("/first")),
            request("denied.test", "", target("/smuggled", "denied.test")),
          ]),
          ...sayEverywhere(({ target }) => [`\r\n${request("allowed.test", "", target("/smuggled"))}`]),
          ...sayEverywhere(({ target }) => [request("allowed.test", "", target("/smuggled")).replaceAll("\r", "")]),
        ]),
        reachAllowed,
      ),
    inspect: ({ arrivals }) => {
      const found = arrivals.find(({ text }) => text.includes("smuggled"));
      return found && `a smuggled request arrived at ${found.place}: ${JSON.stringify(found.text.slice(0, 200))}`;
    },
  },
  {
    id: "NT-15",
    attack: "heads without an end: fields, targets, lines; many at once",
    async attempt({ workspace }) {
      const everywhere = (what: string, start: (way: Way) => string, piece: string) =>
        ways.flatMap((way) => Array.from({ length: 4 }, () => drip(what, way, start(way), piece)));
      const head = ({ target }: Way) => `GET ${target("/")} HTTP/1.1\r\nHost: allowed.test\r\n`;
      const outcome = await conclude(
        [
          ...everywhere("one endless field", (way) => `${head(way)}X: `, "a".repeat(65_536)),
          ...everywhere("endless fields", head, "a: b\r\n".repeat(10_000)),
          ...everywhere("an endless target", ({ target }) => `GET ${target("/")}`, "a".repeat(65_536)),
          ...everywhere("an endless line", () => "", "a".repeat(65_536)),
          ...ways.map((way) => drip("slow fields", way, head(way), "a: b\r\n")),
        ],
        reachAllowed,
      );
      tell(workspace, "bombed");
      await waitFor(workspace, "measured");
      return outcome;
    },
    async beside({ facts, pid }) {
      await waitFor(facts.workspace, "bombed");
      const status = await Bun.file(`/proc/${pid}/status`).text();
      tell(facts.workspace, "measured");
      const megabytes = Number(/^VmHWM:\s*(\d+) kB/m.exec(status)?.[1]) / 1024;
      return megabytes < mostMegabytes ? undefined : `the gateway took ${Math.round(megabytes)} MB`;
    },
  },
  {
    id: "NT-16",
    attack: "steer the terminal and forge lines of the log: line breaks and escapes in targets, fields and names",
    attempt: () =>
      conclude(
        judgedOutside([
          ...sayEverywhere(({ target }) => [request("allowed.test", `User-Agent: ${steering}\r\n`, target("/"))]),
          ...sayEverywhere(({ target }) => [request("allowed.test", `X${steering}: a\r\n`, target("/"))]),
          ...sayEverywhere(({ target }) => [request(`allowed.test${steering}`, "", target("/"))]),
          ...sayEverywhere(({ target }) => [request("allowed.test", "", target(`/${steering}`))]),
          ...[
            `evil${steering}.test`,
            `evil\r\n{"event":"allowed"}.test`,
            "evil\x9b2J.test",
            "evil\xe2\x80\xae.test",
          ].flatMap((host) => [
            connect(`${host}:443`).then(() => ""),
            socks(socksName(host)).then(() => ""),
            ask(proxy.address, proxy.port, request("allowed.test", "", `http://${host}/`)),
          ]),
        ]),
        reachAllowed,
      ),
    async inspect({ arrivals, stderr, cordon, auditText, facts: { isFiltered } }) {
      const logs = await Promise.all([
        cordon("log", "--all"),
        cordon("log", "--all", "--json"),
        cordon("log", "--denied"),
      ]);
      const shown = [auditText(), stderr(), ...logs.map(({ stdout }) => stdout)];
      if (isFiltered && shown.some((text) => text === "")) return "there is a log that says nothing";
      const isSteering = (text: string) => /[\x00-\x08\x0b-\x1f\x7f-\x9f]/.test(text);
      if (shown.some(isSteering)) return `a log holds ${JSON.stringify(shown.find(isSteering)!.slice(0, 300))}`;
      const forged = shown.find((text) => /^\{"event"/m.test(text));
      if (forged) return "a line of a log was forged";
      return arrivals.some(({ text }) => text.includes("\x1b")) ? "escape sequences arrived at the server" : undefined;
    },
  },
  {
    id: "NT-17",
    attack: "change the protocol: h2c, websocket, HTTP/2 and 0.9, CONNECT-UDP, and go on as if it had been changed",
    attempt: () => {
      const upgrades = ["h2c", "websocket, h2c", "connect-udp", "tcp", "HTTP/2.0", "TLS/1.0"];
      const upgrade = (name: string) => `Connection: Upgrade\r\nUpgrade: ${name}\r\n`;
      return conclude(
        judgedOutside([
          ...upgrades.flatMap((name) =>
            sayEverywhere(({ target }) => [request("allowed.test", upgrade(name), target("/changed"))]),
          ),
          ...sayEverywhere(({ target }) => [
            request("denied.test", upgrade("websocket"), target("/changed", "denied.test")),
          ]),
          // What comes after an upgrade that the server did not make is kept back, and nobody says so.
          ...sayEverywhere(({ target }) => [request("allowed.test", upgrade("websocket"), target("/")) + smuggled]),
          ...sayEverywhere(
            ({ target }) => [request("allowed.test", upgrade("websocket"), target("/")), smuggled],
            ways,
            500,
          ),
          ...sayEverywhere(() => ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nchanged"]),
          ...sayEverywhere(() => ["GET /changed\r\n\r\n"]),
          ...sayEverywhere(() => ["GET /changed HTTP/0.9\r\n\r\n"]),
          ...sayEverywhere(() => ["GET /changed HTTP/3.0\r\nHost: allowed.test\r\n\r\n"]),
        ]),
        reachAllowed,
      );
    },
    inspect: ({ arrivals }) => {
      const found = arrivals.find(({ text }) => /changed|smuggled/.test(text));
      return found && `arrived at ${found.place}: ${JSON.stringify(found.text.slice(0, 200))}`;
    },
  },
];
