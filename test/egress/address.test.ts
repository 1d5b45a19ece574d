import { describe, expect, test } from "bun:test";
import { isIP } from "node:net";
import {
  type AddressClass,
  classify,
  formatAddress,
  isInRange,
  parseAddress,
  parseRange,
  unmapped,
} from "../../src/egress/address.ts";

const table: [AddressClass, string[]][] = [
  ["public", ["8.8.8.8", "1.1.1.1", "172.15.255.255", "172.32.0.0", "100.63.255.255", "100.128.0.0", "169.253.0.1"]],
  ["public", ["2606:4700::1111", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]],
  ["loopback", ["127.0.0.1", "127.255.255.255", "127.66.0.1", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1"]],
  ["loopback", ["::ffff:7f00:1", "64:ff9b::7f00:1", "2002:7f00:1::", "::ffff:0:127.0.0.1"]],
  ["loopback", ["127.1", "2130706433", "0x7f000001", "0x7f.1", "017700000001", "0177.0.0.1", "127.0.1"]],
  ["private", ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "100.127.255.255"]],
  [
    "private",
    ["fc00::1", "fd12:3456::1", "fec0::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::1", "2002:a00:1::"],
  ],
  ["private", ["10.1", "0xa000001", "167772161", "012.0.0.1"]],
  ["link-local", ["169.254.0.1", "fe80::1", "fe80::1%eth0", "febf::1", "::ffff:169.254.1.1"]],
  ["metadata", ["169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "fd00:ec2::254"]],
  ["metadata", ["::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2852039166", "0xa9fea9fe", "fd00:0ec2:0::254"]],
  ["unspecified", ["0.0.0.0", "::", "0", "0x0", "::ffff:0.0.0.0"]],
  ["multicast", ["224.0.0.1", "239.255.255.255", "ff02::1"]],
  ["reserved", ["0.1.2.3", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1"]],
  ["reserved", ["198.19.255.255", "192.0.0.1", "192.88.99.1", "2001:db8::1", "3fff::1", "100::1", "2001::1"]],
  [
    "reserved",
    ["::127.0.0.1", "::a00:1", "5f00::1", "4000::1", "", "example.com", "1.2.3.4.5", "256.1.1.1", "1.2.3.4 "],
  ],
];
for (const [kind, addresses] of table)
  test.each(addresses)(`%s is ${kind}`, (address) => {
    expect(classify(address)).toBe(kind);
  });

describe("reading", () => {
  const pieces = ["0", "1", "00", "01", "ff", "FFFF", "12345", "g", "255", "256", "", "::", ":", ".", "1.2.3.4", "%e"];

  test("the same texts as the runtime, of 50,000 that look like addresses", () => {
    let state = 7;
    const next = (most: number) => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
      return (state >> 8) % most;
    };
    let valid = 0;
    for (let count = 0; count < 50_000; count++) {
      const separator = next(3) === 0 ? "." : ":";
      const words = Array.from({ length: 1 + next(9) }, () => pieces[next(pieces.length)]!);
      const text = words.join(separator);
      const expected = isIP(text) !== 0 && !text.includes("%");
      expect({ text, valid: parseAddress(text) !== undefined }).toEqual({ text, valid: expected });
      if (expected) valid += 1;
      if (expected && !text.includes("."))
        expect(new URL(`http://[${formatAddress(parseAddress(text)!)}]`).hostname).toBe(
          new URL(`http://[${text}]`).hostname,
        );
    }
    expect(valid).toBeGreaterThan(200);
  });

  test("an IPv6 address with an IPv4 tail", () => {
    expect(parseAddress("255:ff::1:1.2.3.4")).toEqual(parseAddress("255:ff::1:102:304")!);
    expect(parseAddress("64:ff9b::10.0.0.255")).toEqual(parseAddress("64:ff9b::a00:ff")!);
  });

  test("ranges", () => {
    const inside = (address: string, range: string) => isInRange(parseAddress(address)!, parseRange(range)!);
    expect(inside("10.255.0.1", "10.0.0.0/8")).toBe(true);
    expect(inside("11.0.0.0", "10.0.0.0/8")).toBe(false);
    expect(inside("172.31.0.1", "172.16.0.0/12")).toBe(true);
    expect(inside("172.32.0.1", "172.16.0.0/12")).toBe(false);
    expect(inside("fd00::1", "fd00::/8")).toBe(true);
    expect(inside("::a00:1", "10.0.0.0/8")).toBe(false);
    expect(inside("1.2.3.4", "0.0.0.0/0")).toBe(true);
    for (const text of [
      "10.0.0.1/8",
      "10.0.0.0/33",
      "10.0.0.0/08",
      "10.0.0.0/",
      "10.0.0.0/8/8",
      "10.0.0.0/-1",
      "10/8",
      "fd00::/129",
    ])
      expect(parseRange(text)).toBeUndefined();
  });

  test("an IPv4 address in IPv6 dress is that address", () => {
    expect(unmapped(parseAddress("::ffff:10.1.2.3")!)).toEqual([10, 1, 2, 3]);
    expect(unmapped(parseAddress("::10.1.2.3")!).length).toBe(16);
  });
});
