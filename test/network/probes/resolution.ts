import { flippingName, type NetworkProbe } from "../facts.ts";
import { type DnsAnswer, dnsQuery, readAnswer, resolver } from "./dns-client.ts";
import { tryEveryWay } from "./proxy-client.ts";
import { ask, describeReached, request } from "./talk.ts";
import { conclude, reachAllowed } from "./verdict.ts";

const rebinding = ["rebound.test", "private.test", "lan.test", "metadata.test", "REBOUND.test."];

const reach = async (name: string, port: number): Promise<string | undefined> =>
  describeReached(`${name}:${port}`, await ask(name, port, request(name)));

const ifForbidden = (line: string | undefined): string | undefined => (line?.includes("11.1.1.1:") ? undefined : line);

/** More names than a sandbox may have. */
const manyNames = 80_000;
const windowSize = 200;
const [NONE, SERVFAIL, NXDOMAIN] = [0, 2, 3];

/** Asks for names of an allowed domain, some at a time, until one fails, and gives how often each code came. */
const askForMany = async (count: number): Promise<Record<number, number>> => {
  const codes: Record<number, number> = {};
  let asked = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const socket = await Bun.udpSocket({
    connect: { hostname: resolver, port: 53 },
    socket: {
      data(_, message) {
        const { code }: DnsAnswer = readAnswer(message);
        codes[code] = (codes[code] ?? 0) + 1;
        if (code === SERVFAIL) resolve();
        else askNext();
      },
      error: () => resolve(),
    },
  });
  const askNext = () => {
    if (asked === count) resolve();
    else socket.send(dnsQuery([`n${asked++}`, "shop", "test"]));
  };
  for (let index = 0; index < windowSize; index += 1) askNext();
  // A datagram may be lost on the way; then another one is asked for in its place.
  const refill = setInterval(askNext, 50);
  const patience = setTimeout(resolve, 60_000);
  await promise;
  clearInterval(refill);
  clearTimeout(patience);
  socket.close();
  return codes;
};

export const resolutionProbes: NetworkProbe[] = [
  {
    id: "NT-18",
    options: [...rebinding.slice(0, 4), "mixed.test", flippingName, "allowed.test"].flatMap((name) => [
      "--allow-host",
      name,
    ]),
    attack:
      "allowed names that lead to loopback, private or metadata addresses, at once, beside good ones, or the next time",
    async attempt() {
      // One after the other: each is a question of its own to a name server that answers every one differently.
      const flips: (string | undefined)[] = [];
      for (let turn = 0; turn < 12; turn += 1) flips.push(await reach(flippingName, turn % 3 === 2 ? 443 : 80));
      for (let turn = 0; turn < 4; turn += 1) await Promise.all(tryEveryWay(flippingName));
      const mixed = await Promise.all([80, 80, 80, 80].map((port) => reach("mixed.test", port)));
      return conclude(
        [
          ...rebinding.flatMap((name) => [
            ...tryEveryWay(name),
            ...tryEveryWay(name, 443),
            reach(name, 80),
            reach(name, 443),
          ]),
          ...[...flips, ...mixed].map(ifForbidden),
        ],
        async () => {
          const isReached = [flips, mixed].every((lines) => lines.some((line) => line?.includes("11.1.1.1:")));
          return isReached ? reachAllowed() : "the good address of a name was never reached";
        },
      );
    },
    inspect: ({ queries, facts: { isFiltered } }) =>
      isFiltered && queries.filter((name) => name === flippingName).length < 12
        ? "the name was not asked for again at each connection: the judge saw nothing"
        : undefined,
  },
  {
    id: "X-12",
    attack: "use up the addresses that stand for names",
    async attempt() {
      const codes = await askForMany(manyNames);
      return conclude(
        [
          !codes[SERVFAIL] && `every one of ${manyNames} names got an address: ${JSON.stringify(codes)}`,
          Boolean(codes[NXDOMAIN]) && "an allowed name was denied",
          ...tryEveryWay("denied.test"),
          reach("denied.test", 80),
        ],
        async () => (codes[NONE] ? reachThroughProxy() : "no name got an address"),
      );
    },
  },
];

/** What has no address any more is still reached by its name. */
const reachThroughProxy = async (): Promise<string | undefined> => {
  const lines = await Promise.all(tryEveryWay("allowed.test"));
  return lines.every(Boolean) ? undefined : "the proxy does not lead to an allowed host any more";
};
