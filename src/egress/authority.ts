/** A host with an optional port, as it stands in a request. */
export type Authority = {
  /** As it was written: a name is not yet known to be one. An IPv6 address stands without its brackets. */
  host: string;
  port?: number;
  kind: HostKind;
};
export type HostKind = "name" | "ipv4" | "ipv6";

/**
 * Reads `host` or `host:port`. Undefined for anything that two readers could take for two hosts: user information,
 * paths, percent signs, spaces, other bytes than ASCII, and numbers that only some take for addresses (`127.1`,
 * `0x7f.0.0.1`).
 */
export const readAuthority = (text: string): Authority | undefined => {
  const found = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([^:[\]]+))(?::([0-9]+))?$/.exec(text);
  if (!found) return undefined;
  const [, six, plain, digits] = found;
  const kind = six === undefined ? kindOfHost(plain!) : "ipv6";
  const port = digits === undefined ? undefined : readPort(digits);
  if (kind === undefined || (digits !== undefined && port === undefined)) return undefined;
  return { host: six ?? plain!, kind, ...(port === undefined ? {} : { port }) };
};

/** What a host without brackets is; undefined when it is neither a dotted address nor possibly a name. */
export const kindOfHost = (host: string): "name" | "ipv4" | undefined => {
  if (!/^[A-Za-z0-9._-]{1,254}$/.test(host)) return undefined;
  if (/^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/.test(host)) return "ipv4";
  // What ends in a number is an address for some readers (the URL standard, inet_aton), whatever stands before it.
  return /(?:^|\.)(?:\d+|0[xX][0-9A-Fa-f]*)\.?$/.test(host) ? undefined : "name";
};

/** A port from 1 to 65535 in digits without leading zeros. */
const readPort = (digits: string): number | undefined =>
  /^[1-9][0-9]{0,4}$/.test(digits) && Number(digits) < 65_536 ? Number(digits) : undefined;
