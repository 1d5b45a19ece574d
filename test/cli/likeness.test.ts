import { expect, test } from "bun:test";
import { editDistance, findAlike } from "../../src/cli/likeness.ts";

test.each([
  ["", "", 0],
  ["abc", "abc", 0],
  ["abc", "", 3],
  ["kitten", "sitting", 3],
  ["net", "ent", 1],
  ["preset", "presset", 1],
  ["ab", "ba", 1],
] as const)("the distance from %j to %j is %d", (a, b, distance) => {
  expect(editDistance(a, b)).toBe(distance);
  expect(editDistance(b, a)).toBe(distance);
});

const options = ["preset", "net", "memory", "credentials", "add-dir"];
test.each([
  ["presett", "preset"],
  ["PRESET", "preset"],
  ["nett", "net"],
  ["cre", "credentials"],
  ["add_dir", "add-dir"],
  ["model", undefined],
  ["resume", undefined],
  ["print", undefined],
  ["ne", undefined],
  ["x", undefined],
  ["x".repeat(99), undefined],
] as const)("%j is like %p", (word, near) => {
  expect(findAlike(word, options)).toBe(near as string);
});
