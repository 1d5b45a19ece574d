import { expect, test } from "bun:test";
import { createAddresses } from "../../src/egress/addresses.ts";

test("the first name gets 127.66.0.2, the next one the next address", () => {
  const { addressOf, nameOf } = createAddresses();
  expect(addressOf("a.example")).toEqual([127, 66, 0, 2]);
  expect(addressOf("b.example")).toEqual([127, 66, 0, 3]);
  expect(addressOf("a.example")).toEqual([127, 66, 0, 2]);
  expect(nameOf("127.66.0.2")).toBe("a.example");
  expect(nameOf("127.66.0.3")).toBe("b.example");
});

test("an address that was not given out has no name, nor has another spelling of one that was", () => {
  const { addressOf, nameOf } = createAddresses();
  addressOf("a.example");
  for (const address of ["127.66.0.0", "127.66.0.1", "127.66.0.3", "127.66.0.02", "127.66.2", "", "a.example"])
    expect(nameOf(address)).toBeUndefined();
});

test("names are no keys of an object", () => {
  const { addressOf, nameOf } = createAddresses();
  expect(addressOf("__proto__")).toEqual([127, 66, 0, 2]);
  expect(addressOf("constructor")).toEqual([127, 66, 0, 3]);
  expect(nameOf("constructor")).toBeUndefined();
});

test("65000 names have 65000 addresses inside 127.66.0.0/16, and the next name has none", () => {
  const { addressOf, nameOf } = createAddresses();
  const seen = new Set<string>();
  for (let index = 0; index < 65_000; index += 1) {
    const [a, b, c, d] = addressOf(`n${index}.example`)!;
    const address = `${a}.${b}.${c}.${d}`;
    if (!/^127\.66\.\d{1,3}\.\d{1,3}$/.test(address) || c > 255 || d > 255) throw new Error(address);
    if (nameOf(address) !== `n${index}.example`) throw new Error(address);
    seen.add(address);
  }
  expect(seen.size).toBe(65_000);
  expect(["127.66.0.0", "127.66.0.1", "127.66.255.255"].filter((address) => seen.has(address))).toEqual([]);
  expect(addressOf("one-more.example")).toBeUndefined();
  expect(addressOf("n0.example")).toEqual([127, 66, 0, 2]);
});

test("a smaller pool ends earlier, a larger one than there is does not exist", () => {
  const two = createAddresses(2);
  expect([two.addressOf("a"), two.addressOf("b"), two.addressOf("c")]).toEqual([
    [127, 66, 0, 2],
    [127, 66, 0, 3],
    undefined,
  ]);
  const many = createAddresses(1_000_000);
  for (let index = 0; index < 65_000; index += 1) many.addressOf(`${index}`);
  expect(many.addressOf("x")).toBeUndefined();
});
