import type { NetworkProbe } from "../facts.ts";
import { clientHello, helloFor } from "./hello.ts";
import { connect, socks, socksIpv4, socksName, tryConnect, trySocks } from "./proxy-client.ts";
import { describeReached, dial, type Talk } from "./talk.ts";
import { conclude } from "./verdict.ts";

type Pieces = readonly (string | Uint8Array)[];

/** The three ways to port 443 of the allowed host, on which everything that is not its TLS must end. */
const ways: Record<string, () => Promise<Talk | undefined>> = {
  direct: () => dial("allowed.test", 443),
  CONNECT: async () => (await connect("allowed.test:443")).talk,
  SOCKS: async () => (await socks(socksName("allowed.test"), { port: 443 })).talk,
};

/** Says the pieces one after the other, each in a packet of its own, and tells whether the server answered. */
const sayOn = async (way: string, what: string, pieces: Pieces): Promise<string | undefined> => {
  const talk = await ways[way]!();
  if (!talk) return undefined;
  for (const piece of pieces) {
    talk.write(piece);
    if (pieces.length > 1) await Bun.sleep(1);
  }
  const heard = await talk.hear(/reached \S+\n/);
  talk.close();
  return describeReached(`${what} (${way})`, heard);
};

const sayEverywhere = (what: string, ...pieces: Pieces): Promise<string | undefined>[] =>
  Object.keys(ways).map((way) => sayOn(way, what, pieces));

const singly = (bytes: Buffer): Uint8Array[] =>
  Array.from({ length: bytes.length }, (_, at) => bytes.subarray(at, at + 1));

const good = helloFor("allowed.test");

/** What must be let through, else the boundary proves nothing. */
const reachByTls = async (): Promise<string | undefined> => {
  const fine: [what: string, ...pieces: Pieces][] = [
    ["the allowed name", good],
    ["upper case", helloFor("ALLOWED.TEST")],
    ["a trailing dot", helloFor("allowed.test.")],
    ["single bytes", ...singly(good)],
    ["two records", clientHello({ names: [["allowed.test"]], recordBytes: 60 })],
    ["a long hello", clientHello({ names: [["allowed.test"]], padding: 40_000 })],
  ];
  for (const [what, ...pieces] of fine)
    for (const answer of await Promise.all(sayEverywhere(what, ...pieces)))
      if (answer === undefined) return `${what} was refused`;
  return undefined;
};

/** Every hello for another host carries this mark, which must not come to the server. */
const otherNames = [
  "denied.test",
  "www.shop.test",
  "allowed.test.denied.test",
  "xallowed.test",
  "11.1.1.1",
  " allowed.test",
];
const brokenNames = [
  "allowed.test\0.denied.test",
  "allowed.test\0",
  "allowed.test..",
  "",
  "allowed.test\n",
  "\xef\xbd\x81llowed.test",
];

export const tlsProbes: NetworkProbe[] = [
  {
    id: "NT-10",
    attack: "TLS for another host: other server names, none, several, broken ones, an address with an allowed name",
    attempt: () =>
      conclude(
        [
          ...[...otherNames, ...brokenNames].flatMap((name) => sayEverywhere(`the name ${name}`, helloFor(name))),
          ...sayEverywhere("no name", clientHello({})),
          ...sayEverywhere("two names", helloFor("allowed.test", "denied.test")),
          ...sayEverywhere("two names, the allowed one last", helloFor("denied.test", "allowed.test")),
          ...sayEverywhere("two extensions", clientHello({ names: [["allowed.test"], ["denied.test"]] })),
          ...sayEverywhere("two extensions, alike", clientHello({ names: [["allowed.test"], ["allowed.test"]] })),
          ...sayEverywhere("another name in small records", clientHello({ names: [["denied.test"]], recordBytes: 60 })),
          ...sayEverywhere("another name byte by byte", ...singly(helloFor("denied.test"))),
          ...["11.1.1.1:443", "11.1.1.2:443", "[::ffff:11.1.1.1]:443", "[2600:11::1]:443"].map((at) => tryConnect(at)),
          ...["11.1.1.1", "11.1.1.2"].map((address) => trySocks(address, socksIpv4(address), { port: 443 })),
        ],
        reachByTls,
      ),
  },
  {
    id: "NT-11",
    attack: "something else on the TLS port: ssh, plain HTTP, raw bytes, split, overlong and doubled hellos",
    attempt() {
      const overlong = clientHello({ names: [["allowed.test"]], padding: 65_490 });
      const sslv2 = Buffer.from([0x80, 0x2e, 1, 3, 1, 0, 0x15, 0, 0, 0, 16]);
      const alert = Buffer.from([0x15, 3, 1, 0, 2, 1, 0]);
      const empty = Buffer.from([0x16, 3, 1, 0, 0]);
      const cut = Buffer.from(good);
      cut.writeUInt16BE(cut.readUInt16BE(3) - 1, 3);
      return conclude(
        [
          ...sayEverywhere("ssh", "SSH-2.0-escape\r\n"),
          ...sayEverywhere("HTTP", "GET / HTTP/1.1\r\nHost: allowed.test\r\n\r\n"),
          ...sayEverywhere("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
          ...sayEverywhere("raw bytes", Buffer.from([0, 1, 2, 3, 4, 5, 6, 7])),
          ...sayEverywhere("raw bytes one by one", ...singly(Buffer.from("escape"))),
          ...sayEverywhere("SSL 2", sslv2),
          ...sayEverywhere("an alert first", alert, good),
          ...sayEverywhere("an empty record first", empty, good),
          ...sayEverywhere("records of one byte", clientHello({ names: [["allowed.test"]], recordBytes: 1 })),
          ...sayEverywhere("a hello of 64 KiB", overlong),
          ...sayEverywhere("two hellos", Buffer.concat([good, helloFor("denied.test")])),
          ...sayEverywhere("a hello of two names in two records", Buffer.concat([cut, good])),
          ...sayEverywhere("raw bytes after a cut hello", Buffer.concat([good.subarray(0, 20), Buffer.alloc(200, 1)])),
        ],
        reachByTls,
      );
    },
  },
];
