import { expect, test } from "bun:test";
import { bits, encode, integer, objectId, sequence, tagged, time } from "../../../src/egress/intercept/der.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

test("lengths take as few bytes as they can", () => {
  const headOf = (length: number) => hex(encode(0x04, new Uint8Array(length)).subarray(0, -length || undefined));
  expect([0, 1, 127, 128, 255, 256, 65535].map(headOf)).toEqual([
    ...["0400", "0401", "047f", "048180", "0481ff", "04820100", "0482ffff"],
  ]);
});

test("a number is never negative and has no zeros in front", () => {
  const of = (...bytes: number[]) => hex(integer(Uint8Array.from(bytes)));
  expect([of(0), of(0, 0), of(1), of(0, 0, 0x7f), of(0x80), of(0, 0xff, 1)]).toEqual([
    ...["020100", "020100", "020101", "02017f", "02020080", "020300ff01"],
  ]);
});

test("the century turns the form of a time", () => {
  const of = (text: string) => Buffer.from(time(new Date(text)).subarray(2)).toString();
  expect(of("2026-01-02T03:04:05.678Z")).toBe("260102030405Z");
  expect(of("2049-12-31T23:59:59Z")).toBe("491231235959Z");
  expect(of("2050-01-01T00:00:00Z")).toBe("20500101000000Z");
  expect([time(new Date("2049-12-31"))[0], time(new Date("2050-01-01"))[0]]).toEqual([0x17, 0x18]);
});

test("values hold values", () => {
  const value = sequence(objectId(0x55, 4, 3), tagged(0, true, bits(Uint8Array.of(6), 1)), tagged(2, false));
  expect(hex(value)).toBe("300d0603550403a004030201068200");
});
