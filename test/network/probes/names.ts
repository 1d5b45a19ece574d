import type { NetworkProbe } from "../facts.ts";
import { askDatagram, dnsQuery, resolver } from "./dns-client.ts";
import { socksIpv4, tryAbsolute, tryConnect, tryEveryWay, trySocks } from "./proxy-client.ts";
import { ask, describeReached, request } from "./talk.ts";
import { reachByProxy } from "./tunnels.ts";
import { conclude } from "./verdict.ts";

/** The spellings of an IPv4 address that some reader or other takes for it. */
const spellings = (address: string): string[] => {
  const bytes = address.split(".").map(Number);
  const [a, b, c, d] = bytes as [number, number, number, number];
  const value = ((a * 256 + b) * 256 + c) * 256 + d;
  const hex = (byte: number) => byte.toString(16).padStart(2, "0");
  const groups = `${hex(a)}${hex(b)}:${hex(c)}${hex(d)}`;
  return [
    ...[address, `${address}.`, `${value}`, `0x${value.toString(16)}`, `0${value.toString(8)}`],
    bytes.map((byte) => `0x${byte.toString(16)}`).join("."),
    bytes.map((byte) => `0${byte.toString(8)}`).join("."),
    bytes.map((byte) => `${byte}`.padStart(3, "0")).join("."),
    ...[`${a}.${(b * 256 + c) * 256 + d}`, `${a}.${b}.${c * 256 + d}`],
    ...[`[::ffff:${address}]`, `[::ffff:${groups}]`, `[::${address}]`, `[64:ff9b::${groups}]`, `[2002:${groups}::]`],
    ...[`[${address}]`, `allowed.test@${address}`, `${address}%00.allowed.test`, `${address}#.allowed.test`],
    [...address].map((letter) => `%${letter.charCodeAt(0).toString(16)}`).join(""),
    Buffer.from([...address].map((letter) => (letter === "." ? "。" : letter)).join("")).toString("latin1"),
    Buffer.from(
      [...address]
        .map((letter) => (letter === "." ? "." : String.fromCharCode(0xfee0 + letter.charCodeAt(0))))
        .join(""),
    ).toString("latin1"),
  ];
};

const loopbackNames = [
  "localhost",
  "LOCALHOST.",
  "x.localhost",
  "ip6-localhost",
  "0",
  "0.0.0.0",
  "[::1]",
  "[::]",
  "[0:0:0:0:0:0:0:1]",
];

const metadataNames = [
  "169.254.169.254",
  "169.254.170.2",
  "100.100.100.200",
  "[fd00:ec2::254]",
  "metadata.google.internal",
];
const clusterNames = [
  "kubernetes.default.svc",
  "10.96.0.1",
  "host.docker.internal",
  "gateway.docker.internal",
  "192.168.65.7",
];

/** Names that a careless comparison takes for `allowed.test` or for a part of `shop.test`. */
const confusing = [
  ...["denied.test", "allowed.test.denied.test", "notallowed.test", "xallowed.test", "allowed.testx", "allowed"],
  ...["shop.test", "shop.test.", "xshop.test", ".shop.test", "..shop.test", "*.shop.test", "www..shop.test"],
  ...["allowed.test@denied.test", "denied.test#allowed.test", "denied.test?allowed.test", "denied.test/allowed.test"],
  ...["denied.test\\allowed.test", "denied.test\\@allowed.test", "denied.test\\.shop.test", "denied.test;.shop.test"],
  ...["denied.test%00.shop.test", "denied.test%2f.shop.test", "denied.test%2eshop.test", "denied.test%23.shop.test"],
  ...["denied.test\0.shop.test", "denied.test\0", "denied.test .shop.test", "denied.test\t.shop.test"],
  ...[
    "denied.test\r\nHost: allowed.test",
    "denied.test\n.shop.test",
    "denied.test\r.shop.test",
    "denied.test,allowed.test",
  ],
  ...[
    "denied.test\xe3\x80\x82shop.test",
    "denied.test\xef\xbc\x8eshop.test",
    "allowed\xe3\x80\x82test",
    "allowed\xc2\xb7test",
  ],
  ...[
    "\xef\xbd\x81llowed.test",
    "al\xc2\xadlowed.test",
    "allowed.te\xc5\xbft",
    "allowed.test\xe2\x80\x8b",
    "a%6clowed.test",
  ],
  ...[
    "_x.shop.test",
    "-x.shop.test",
    "x-.shop.test",
    `${"a".repeat(64)}.shop.test`,
    `${"a.".repeat(130)}shop.test`,
    "",
  ],
];

const dnsLabels = [
  ["denied", "test"],
  ["shop", "test"],
  ["cdn", "shop", "test"],
  ["allowed.test"],
  ["allowed", "test", "denied", "test"],
  ["denied\0", "shop", "test"],
  ["denied.test", "shop", "test"],
  ["x y", "shop", "test"],
  ["allowed", "test\0"],
  ["\xefallowed", "test"],
];

export const nameProbes: NetworkProbe[] = [
  {
    id: "NT-03",
    attack: "loopback, private and metadata addresses through the proxy, in every spelling",
    attempt() {
      const addresses = ["127.0.0.1", "10.1.2.3", "169.254.169.254", "11.1.1.2", "192.168.7.7"];
      const hosts = [...addresses.flatMap(spellings), ...loopbackNames];
      return conclude(
        [
          ...hosts.flatMap((host) => tryEveryWay(host)),
          ...addresses.map((address) => trySocks(address, socksIpv4(address))),
          ...addresses.map((address) => tryConnect(`${address}:443`)),
        ],
        reachByProxy,
      );
    },
  },
  {
    id: "NT-04",
    attack: "cloud metadata and cluster endpoints, also by a name that is allowed",
    options: ["--allow-host", "allowed.test", "--allow-host", "metadata.test", "--allow-host", "*.internal"],
    attempt: () =>
      conclude(
        [
          ...[...metadataNames, ...clusterNames, "metadata.test"].flatMap((host) => tryEveryWay(host)),
          ...["metadata.test", "169.254.169.254", "METADATA.test."].map(async (host) =>
            describeReached(host, await ask(host, 80, request(host))),
          ),
        ],
        reachByProxy,
      ),
  },
  {
    id: "NT-05",
    attack:
      "names that look like allowed ones: suffix, prefix, apex, user, fragment, NUL, CR LF, dots of other scripts",
    attempt: () =>
      conclude(
        [
          ...confusing.flatMap((host) => tryEveryWay(host)),
          ...dnsLabels.map(async (labels) => {
            const answer = await askDatagram(resolver, dnsQuery(labels));
            return answer?.address && `${JSON.stringify(labels)} has the address ${answer.address}`;
          }),
        ],
        async () => ((await tryConnect("www.shop.test:80")) ? reachByProxy() : "www.shop.test is refused"),
      ),
  },
  {
    id: "NT-06",
    attack: "get past a denial by upper case or a trailing dot",
    attempt: () =>
      conclude(
        ["CDN.SHOP.TEST", "cdn.shop.test.", "Cdn.Shop.Test.", "DENIED.test", "denied.test."].flatMap((host) => [
          ...tryEveryWay(host),
          ask(host, 80, request(host)).then((heard) => describeReached(host, heard)),
        ]),
        async () => {
          const spelt = ["ALLOWED.TEST", "allowed.test.", "Www.Shop.Test.", "allowed.test"];
          const ways = await Promise.all(
            spelt.flatMap((host) => [
              ...tryEveryWay(host),
              ask(host, 80, request(host)).then((heard) => describeReached(host, heard)),
            ]),
          );
          return ways.every(Boolean) ? undefined : `${ways.filter((way) => !way).length} canonical forms were refused`;
        },
      ),
  },
  {
    id: "NT-08",
    attack: "plain HTTP with an absolute target to a denied host",
    attempt: () =>
      conclude(
        ["denied.test", "denied.test:80", "other.test", "11.1.1.2", "shop.test", "allowed.test:8080"].map((host) =>
          tryAbsolute(host),
        ),
        async () => ((await tryAbsolute("allowed.test")) ? undefined : "an allowed target was refused"),
      ),
  },
  {
    id: "NT-20",
    attack: "carry data out in names that the proxy resolves before it refuses them",
    attempt: ({ token }) =>
      conclude(
        [`s1-${token}.denied.test`, `s2-${token}.allowed.test`, `s3-${token}.test`].flatMap((host) => [
          ...tryEveryWay(host),
          ...tryEveryWay(host, 443),
          ...tryEveryWay(host, 53),
        ]),
        async () => ((await tryConnect("steady.test:80")) ? undefined : "a name of the world's name server is refused"),
      ),
    inspect: ({ queries, facts: { isFiltered } }) =>
      isFiltered && !queries.includes("steady.test") ? "the judge saw no query for what is allowed" : undefined,
  },
];
