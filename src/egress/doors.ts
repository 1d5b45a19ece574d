import { errorOf } from "../errors.ts";
import { lazyLibc } from "../libc.ts";
import { dnsAddress, dnsPort, proxyAddress, proxyPort } from "./egress.ts";
import type { SandboxNetwork, Wish } from "./namespace.ts";
import { receiving, type Wire } from "./wire.ts";

/** What stands open in the sandbox's network, and what comes through. */
export type Doors = {
  /** Opens what is not open yet. Gives the ports that somebody inside already listens on. */
  ensure(ports: readonly number[], hostPorts: readonly number[], literals: readonly string[]): number[];
  /** Descriptors of the name server's datagram sockets; the caller owns them. */
  datagrams: number[];
  isOpen(port: number): boolean;
  close(): void;
};

export type Visitors = { arrive(wire: Wire): void; leave(wire: Wire): void };

/** Everything that stands from the start: an address besides 127.0.0.1, else resolvers believe that there is no network. */
const standing: Wish[] = [
  { kind: "address", address: proxyAddress, mask: "255.255.0.0", label: "lo:cordon" },
  { kind: "datagrams", address: dnsAddress, port: dnsPort },
  { kind: "datagrams", address: "127.0.0.1", port: dnsPort },
  { kind: "listener", address: dnsAddress, port: dnsPort },
  { kind: "listener", address: proxyAddress, port: proxyPort },
];

const EADDRINUSE = 98;

/** Opens the doors that always stand. Throws E_LAUNCH_FAILED when the network cannot be entered, and when one of them fails. */
export const openDoors = (network: SandboxNetwork, visitors: Visitors): Doors => {
  const results = network.open(standing);
  const failed = results.findIndex((result) => result < 0);
  if (failed >= 0)
    throw errorOf(
      "E_LAUNCH_FAILED",
      `the gateway cannot open its ${standing[failed]!.kind}`,
      `errno ${-results[failed]!}`,
    );
  const ofKind = (kind: Wish["kind"]): number[] => results.filter((_, at) => standing[at]!.kind === kind);
  const listeners = ofKind("listener").map((fd) => listenOn(fd, visitors));
  const opened = new Set<string>();
  return {
    ensure(ports, hostPorts, literals) {
      const wishes = wishesFor(ports, hostPorts, literals).filter((wish) => !opened.has(nameOf(wish)));
      const taken: number[] = [];
      network.open(wishes).forEach((result, at) => {
        const wish = wishes[at]!;
        // A machine without IPv6 has no ::1, and nobody who would look for a service there.
        if (wish.kind === "listener" && result === -EADDRINUSE) taken.push(wish.port);
        else opened.add(nameOf(wish));
        if (wish.kind === "listener" && result >= 0) listeners.push(listenOn(result, visitors));
      });
      return taken;
    },
    datagrams: ofKind("datagrams"),
    isOpen: (port) => opened.has(`0.0.0.0:${port}`),
    close: () => {
      for (const listener of listeners) listener.stop(true);
    },
  };
};

const wishesFor = (ports: readonly number[], hostPorts: readonly number[], literals: readonly string[]): Wish[] => [
  ...literals.map((address): Wish => ({ kind: "address", address, label: labelOf(address) })),
  ...[...new Set([...ports, ...hostPorts])].map((port): Wish => ({ kind: "listener", address: "0.0.0.0", port })),
  ...hostPorts.map((port): Wish => ({ kind: "listener", address: "::1", port })),
];

const nameOf = (wish: Wish): string => (wish.kind === "address" ? wish.address : `${wish.address}:${wish.port}`);

/** Unlike every other address's, and short enough for an interface. */
const labelOf = (address: string): string =>
  `lo:${address
    .split(".")
    .map((part) => Number(part).toString(16).padStart(2, "0"))
    .join("")}`;

/** A listener on a descriptor, which it takes over. */
const listenOn = (fd: number, { arrive, leave }: Visitors) => {
  const listener = Bun.listen({
    // Not in the types of Bun 1.4; `node:net` uses it. The host name is not.
    ...({ fd } as object),
    hostname: "inside",
    port: 0,
    ...receiving(arrive, leave),
  });
  // Bun 1.4 has set it to 0, with which connections that come at once wait for seconds.
  libc().listen(fd, backlog);
  return listener;
};

const backlog = 4096;

const libc = lazyLibc({ listen: { args: ["i32", "i32"], returns: "i32" } });
