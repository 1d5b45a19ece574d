import { clients, type Proxied, untried } from "../test/network/compat.ts";

const withVariables: Record<Proxied, string> = {
  "HTTP CONNECT": "works, by HTTP CONNECT",
  "HTTP proxy": "works, by the HTTP proxy",
  SOCKS5: "works, by SOCKS5",
  "not used": "works, does not use them",
};

/** The rows that `test/network/compat.test.ts` tries, and those that nothing tries. */
export const compatibilityRows = (): string[][] => [
  ...clients.map(({ client, protocol, resolver, proxied }) => [
    ...[client, protocol, "works", withVariables[proxied], resolver],
  ]),
  ...untried.map(({ client, protocol, reason }) => [client, protocol, `not tried: ${reason}`, "not tried", ""]),
];

export const compatibilityHead = [
  "client",
  "protocol",
  "without variables",
  "with proxy variables",
  "name resolved by",
];
