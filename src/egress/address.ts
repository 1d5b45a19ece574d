/** An IP address as its 4 or 16 bytes. */
export type Address = readonly number[];
export type Range = { network: Address; bits: number };

export type AddressClass =
  | "public"
  | "loopback"
  | "private"
  | "link-local"
  | "metadata"
  | "unspecified"
  | "multicast"
  | "reserved";

/** The bytes of a canonical IPv4 or of any IPv6 spelling. A zone (`%eth0`) belongs to no rule and is no address. */
export const parseAddress = (text: string): Address | undefined =>
  text.includes(":") ? parseIpv6(text) : parseIpv4(text);

/** The plain spelling: dotted for IPv4, eight groups for IPv6. */
export const formatAddress = (address: Address): string =>
  address.length === 4 ? address.join(".") : groupsOf(address).join(":");

const groupsOf = (address: Address): string[] =>
  Array.from({ length: 8 }, (_, index) => ((address[index * 2]! << 8) | address[index * 2 + 1]!).toString(16));

/** `10.0.0.0/8`, `fd00::/8`. Undefined when it is no range, or its address has bits behind the prefix. */
export const parseRange = (text: string): Range | undefined => {
  const [written = "", digits = "", ...more] = text.split("/");
  const network = parseAddress(written);
  if (!network || more.length > 0 || !/^(0|[1-9][0-9]{0,2})$/.test(digits)) return undefined;
  const bits = Number(digits);
  if (bits > network.length * 8) return undefined;
  return network.every((byte, index) => (byte & ~maskAt(index, bits)) === 0) ? { network, bits } : undefined;
};

export const isInRange = (address: Address, { network, bits }: Range): boolean =>
  address.length === network.length && network.every((byte, index) => (address[index]! & maskAt(index, bits)) === byte);

export const isSameAddress = (one: Address, other: Address): boolean =>
  one.length === other.length && one.every((byte, index) => byte === other[index]);

const maskAt = (index: number, bits: number): number => (0xff00 >> Math.min(8, Math.max(0, bits - index * 8))) & 0xff;

/** An IPv4 address in IPv6 dress (RFC 4291 §2.5.5.2) is that IPv4 address; the kernel dials it as such. */
export const unmapped = (address: Address): Address => (isInRange(address, mapped) ? address.slice(12) : address);

const parseIpv4 = (text: string): Address | undefined => {
  const parts = text.split(".");
  const isPlain = parts.length === 4 && parts.every((part) => /^(0|[1-9][0-9]{0,2})$/.test(part) && Number(part) < 256);
  return isPlain ? parts.map(Number) : undefined;
};

const parseIpv6 = (text: string): Address | undefined => {
  const tail = /:([0-9.]+\.[0-9.]+)$/.exec(text)?.[1];
  const last = tail === undefined ? undefined : parseIpv4(tail);
  if (tail !== undefined && !last) return undefined;
  const hex = (high: number, low: number) => ((high << 8) | low).toString(16);
  const plain = last ? `${text.slice(0, -tail!.length)}${hex(last[0]!, last[1]!)}:${hex(last[2]!, last[3]!)}` : text;
  const halves = plain.split("::");
  if (halves.length > 2) return undefined;
  const [before, after = []] = halves.map((half) => (half === "" ? [] : half.split(":"))) as [string[], string[]?];
  const missing = 8 - before.length - after.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...before, ...Array.from({ length: missing }, () => "0"), ...after];
  if (!groups.every((group) => /^[0-9A-Fa-f]{1,4}$/.test(group))) return undefined;
  return groups.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]);
};

/** The spellings that only a resolver understands: `127.1`, `0x7f000001`, `017700000001` (inet_aton(3)). */
const parseLoose = (text: string): Address | undefined => {
  const parts = text.toLowerCase().split(".");
  if (parts.length > 4 || !parts.every((part) => /^(0x[0-9a-f]*|[0-9]+)$/.test(part))) return undefined;
  const values = parts.map((part) =>
    part.startsWith("0x")
      ? Number.parseInt(part.slice(2) || "0", 16)
      : Number.parseInt(part, /^0./.test(part) ? 8 : 10),
  );
  const last = values.pop()!;
  const room = 256 ** (4 - values.length);
  if (!(last < room) || !values.every((value) => value < 256)) return undefined;
  const rest = Array.from({ length: 4 - values.length }, (_, index) => Math.floor(last / 256 ** index) % 256);
  return [...values, ...rest.reverse()];
};

const rangeOf = (text: string): Range => parseRange(text)!;

const mapped = rangeOf("::ffff:0:0/96");

/** Ranges whose addresses carry the IPv4 address that is reached in the end, and where it begins. */
const carrierRanges: [string, number][] = [
  ["::ffff:0:0/96", 12],
  ["::ffff:0:0:0/96", 12],
  ["64:ff9b::/96", 12],
  ["2002::/16", 2],
];

/** The first range that holds an address decides. IANA's special-purpose registries, and where clouds put their metadata. */
const classRanges: [AddressClass, string][] = [
  ["metadata", "169.254.169.254/32 169.254.170.2/32 169.254.170.23/32 100.100.100.200/32 168.63.129.16/32"],
  ["metadata", "192.0.0.192/32 fd00:ec2::254/128 fd00:ec2::23/128 fd20:ce::254/128 fd00:42::42/128"],
  ["unspecified", "0.0.0.0/32 ::/128"],
  ["loopback", "127.0.0.0/8 ::1/128"],
  ["link-local", "169.254.0.0/16 fe80::/10"],
  ["private", "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10 fc00::/7 fec0::/10 64:ff9b:1::/48"],
  ["multicast", "224.0.0.0/4 ff00::/8"],
  ["reserved", "0.0.0.0/8 192.0.0.0/24 192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 198.18.0.0/15"],
  ["reserved", "192.88.99.0/24 240.0.0.0/4 2001::/23 2001:db8::/32 3fff::/20"],
  ["public", "0.0.0.0/0 2000::/3"],
  ["reserved", "::/0"],
];

type Tables = { carriers: [Range, number][]; classes: [Range, AddressClass][] };

/** Read on first use: most starts classify nothing. */
const readTables = (): Tables => ({
  carriers: carrierRanges.map(([text, at]) => [rangeOf(text), at]),
  classes: classRanges.flatMap(([kind, ranges]) =>
    ranges.split(" ").map((text): [Range, AddressClass] => [rangeOf(text), kind]),
  ),
});
let tables: Tables | undefined;

/** Where an address leads, whatever its spelling. What is no address at all counts as reserved. */
export const classify = (ip: string): AddressClass => {
  const address = parseAddress(ip.replace(/%.*$/s, "")) ?? parseLoose(ip);
  return address ? classOf(address) : "reserved";
};

export const classOf = (address: Address): AddressClass => {
  tables ??= readTables();
  const { carriers, classes } = tables;
  const carrier = carriers.find(([range]) => isInRange(address, range));
  if (carrier) return classOf(address.slice(carrier[1], carrier[1] + 4));
  return classes.find(([range]) => isInRange(address, range))![1];
};
