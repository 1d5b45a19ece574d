import type { NetworkProbe } from "../facts.ts";
import { connect, connectLine, proxy, socks, socksIpv4, socksName, tryConnect, trySocks } from "./proxy-client.ts";
import { ask, describeReached, dial, request, type Talk } from "./talk.ts";
import { conclude, reachAllowed } from "./verdict.ts";

const useTunnel = async (talk: Talk | undefined): Promise<boolean> => {
  talk?.write(request("allowed.test"));
  const heard = (await talk?.hear(/reached \S+\n/)) ?? "";
  talk?.close();
  return heard.includes("reached 11.1.1.1:80\n");
};

/** The control of probes that ask the proxy: it leads to an allowed host. */
export const reachByProxy = async (): Promise<string | undefined> => {
  const { status, talk } = await connect("allowed.test:80");
  return (await useTunnel(talk)) ? reachAllowed() : `CONNECT was answered with ${status}`;
};

export const tunnelProbes: NetworkProbe[] = [
  {
    id: "NT-12",
    attack: "other ports and methods: CONNECT to 25, 8080, 0, 65536, nonsense or with a body; TRACE",
    attempt() {
      const ports = [
        "25",
        "8080",
        "0",
        "65536",
        "-1",
        "443abc",
        "",
        "0443",
        "+443",
        " 443",
        "4294967739",
        "1e2",
        "0x1bb",
      ];
      const lines = [
        "CONNECT allowed.test HTTP/1.1",
        "CONNECT / HTTP/1.1",
        "CONNECT http://allowed.test:443/ HTTP/1.1",
      ];
      const moreLines = [
        "connect allowed.test:443 HTTP/1.1",
        "CONNECT allowed.test:443",
        "TRACE http://allowed.test/ HTTP/1.1",
      ];
      const bodies = ["Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"];
      const grant = async (line: string, fields?: string) => {
        const { status, talk } = await connectLine(line, fields);
        talk?.close();
        return status >= 200 && status < 300 && `${JSON.stringify(line + (fields ?? ""))} was granted`;
      };
      return conclude(
        [
          ...ports.map((port) => tryConnect(`allowed.test:${port}`)),
          ...[...lines, ...moreLines].map((line) => grant(line)),
          ...bodies.map((fields) => grant("CONNECT allowed.test:443 HTTP/1.1", fields)),
          ...[25, 8080].map(async (port) => describeReached(`:${port}`, await ask("allowed.test", port))),
          ask("allowed.test", 80, request("allowed.test").replace("GET", "TRACE")).then((heard) =>
            describeReached("TRACE", heard),
          ),
        ],
        reachByProxy,
      );
    },
  },
  {
    id: "NT-13",
    attack: "SOCKS: NUL in names, addresses, BIND, UDP ASSOCIATE, other versions and methods, overlong names",
    attempt() {
      const names = [
        "denied.test\0.shop.test",
        "denied.test\0",
        "allowed.test\0",
        "127.1",
        "2130706433",
        "\x1b]52",
        "",
      ];
      const longest = `${"a".repeat(61)}.${"b".repeat(61)}.${"c".repeat(61)}.${"d".repeat(58)}.shop.test`.slice(-255);
      const six = (last: number[]) => Uint8Array.of(4, ...Array.from({ length: 16 - last.length }, () => 0), ...last);
      const allowed = socksName("allowed.test");
      const version4 = Buffer.from([4, 1, 0, 80, 11, 1, 1, 2, 0]);
      const version4a = Buffer.concat([Buffer.from([4, 1, 0, 80, 0, 0, 0, 1, 0]), Buffer.from("denied.test\0")]);
      return conclude(
        [
          ...[...names, longest].map((name) => trySocks(name, socksName(name))),
          ...["127.0.0.1", "11.1.1.2", "10.1.2.3", "169.254.169.254"].map((ip) => trySocks(ip, socksIpv4(ip))),
          ...[[1], [0xff, 0xff, 11, 1, 1, 2], [0xff, 0xff, 127, 0, 0, 1]].map((last) => trySocks("v6", six(last))),
          ...[2, 3, 0, 9].map((command) => trySocks(`command ${command}`, allowed, { command })),
          ...[[2], [1, 2], [255], []].map((methods) => trySocks(`methods ${methods}`, allowed, { methods })),
          ...[0, 25, 8080].map((port) => trySocks(`port ${port}`, allowed, { port })),
          trySocks("type 7", Uint8Array.of(7, 1, 2, 3, 4)),
          ...[version4, version4a].map(async (words) => {
            const talk = await dial(proxy.address, proxy.port);
            talk?.write(words);
            const heard = (await talk?.hear(/^[\s\S]{8}/)) ?? "";
            talk?.close();
            return heard.charCodeAt(1) === 90 && "SOCKS4 was granted";
          }),
        ],
        async () => {
          const { status, talk } = await socks(allowed);
          return (await useTunnel(talk)) ? undefined : `SOCKS was answered with ${status}`;
        },
      );
    },
  },
];
