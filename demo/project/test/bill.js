import assert from "node:assert/strict";
import { test } from "node:test";
import { format } from "../src/money.js";
import { share } from "../src/share.js";

test("an even bill is divided evenly", () => {
  assert.deepEqual(share(900, 3), [300, 300, 300]);
});

test("no cent is lost when a bill is not even", () => {
  assert.deepEqual(share(1000, 3), [334, 333, 333]);
});

test("amounts have two decimals", () => {
  assert.equal(format(1250), "12.50");
});

test("small change keeps its zero", () => {
  assert.equal(format(1205), "12.05");
});
