import type { Injection } from "../credentials/credential.ts";
import type { Rule } from "../policy.ts";

/** What the gateway of a filtered network is told. Data: `--dry-run` prints it. */
export type Egress = {
  allow: Rule[];
  deny: Rule[];
  /** Credentials that are put into requests on their way out. */
  inject: Injection[];
  /** Ports of the host's loopback that answer at the same port of the sandbox's loopback. */
  hostPorts: number[];
  publish: Publish[];
  /** Publish every port that begins to listen inside, at the same number. */
  publishAll: boolean;
  /** Tell the person of a port that begins to listen inside and is not published. */
  announce: boolean;
};

/** Tells the person at the terminal one sentence. One with a topic is of use at once, the others also after the run. */
export type Notify = (sentence: string, topic?: "port" | "image" | "repository") => void;

/** A port inside that is offered on the host's loopback. */
export type Publish = { inside: number; outside: number };

/** The resolver inside; systemd's stub uses the same address, so programs that assume one are content. */
export const dnsAddress = "127.0.0.53";
export const dnsPort = 53;

/** The proxy inside, for programs that prefer one: HTTP CONNECT, absolute-form HTTP and SOCKS5 on one port. */
export const proxyAddress = "127.66.0.1";
export const proxyPort = 1066;

/** What a rule without a port allows: HTTP, HTTPS and ssh. */
export const defaultPorts: readonly number[] = [80, 443, 22];

/**
 * The variables that lead programs to the proxy. Node's own switch for them stays off: `fetch` needs no proxy here,
 * and through one it would lose its connection reuse.
 */
export const proxyVariables = (): Record<string, string> => {
  const http = `http://${proxyAddress}:${proxyPort}`;
  const values = {
    HTTP_PROXY: http,
    HTTPS_PROXY: http,
    ALL_PROXY: `socks5h://${proxyAddress}:${proxyPort}`,
    NO_PROXY: "localhost,127.0.0.1,::1",
  };
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => [
      [name, value],
      [name.toLowerCase(), value],
    ]),
  );
};
