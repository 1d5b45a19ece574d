import type { Outcome } from "../escape/facts.ts";

/** What a probe inside is told. */
export interface NetworkFacts {
  /** Distinguishes this run's names from those of a run beside it. */
  token: string;
  workspace: string;
  /** Where the program keeps its control sockets on the host. */
  runtime: string;
  isFiltered: boolean;
}

/** What the harness sees and can do on the host, for one probe. */
export interface Host {
  facts: NetworkFacts;
  /** The process that holds the gateway, or the command itself where there is none. */
  pid: number;
  /** What has come to servers of the world since the probe began, each with all that was said to it. */
  arrivals: readonly Arrival[];
  /** Names that the name server of the world was asked for. */
  queries: readonly string[];
  /** What the sandbox's starter printed for the person. */
  stderr(): string;
  /** Runs the program again, as the same user in the same project. */
  cordon(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }>;
  auditText(): string;
}

/** `place` is `address:port`. */
export interface Arrival {
  place: string;
  text: string;
}

export interface NetworkProbe {
  id: string;
  attack: string;
  /** Options of the filtered run in place of `usualOptions`. */
  options?: readonly string[];
  /** Another sandbox of the same user runs meanwhile, with another rule. */
  neighbour?: true;
  attempt(facts: NetworkFacts): Outcome | Promise<Outcome>;
  /** Host side, while the sandbox runs: what got through, or undefined. Rejects when it could not be tried. */
  beside?(host: Host): Promise<string | undefined>;
  /** Host side, afterwards: what got through. Arrivals where nobody may come are looked for anyway. */
  inspect?(host: Host): string | undefined | Promise<string | undefined>;
}

/** The one server that may be reached, and the ports that a rule without one means. */
export const allowedAddress = "11.1.1.1";
export const allowedPorts = [22, 80, 443];
/** A service of the host's loopback that `--host-port` opens: proves that a deaf network is not what stops a probe. */
export const sharedPort = 8090;

/** Where the servers of the world listen besides; whoever comes there has broken out. */
export const victims: readonly [address: string, port: number][] = [
  ...[25, 8080].map((port): [string, number] => [allowedAddress, port]),
  ...[22, 25, 80, 443, 8080].map((port): [string, number] => ["11.1.1.2", port]),
  ...["10.1.2.3", "169.254.169.254", "127.0.0.1", "::1"].flatMap((address): [string, number][] => [
    [address, 80],
    [address, 443],
  ]),
  ["192.168.7.7", 80],
  ["2600:11::1", 80],
  ["127.0.0.1", 8081],
  ["::1", 8081],
  ["11.1.1.53", 53],
];

/** Answered by the name server of the world: always the allowed server, and another address at each question. */
export const steadyName = "steady.test";
export const flippingName = "flip.test";
/** Names that lead to a cloud's metadata. */
export const metadataDomain = ".internal";

/** As a person would start it. */
export const usualOptions = [
  ...["--allow-host", "allowed.test", "--allow-host", "*.shop.test", "--deny-host", "cdn.shop.test"],
  ...["--allow-host", steadyName],
];
