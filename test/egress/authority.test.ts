import { expect, test } from "bun:test";
import { readAuthority } from "../../src/egress/authority.ts";

test.each(["1.2.3.4", "255.255.255.255", "0.0.0.0"])("%s is an address", (text) => {
  expect(readAuthority(text)).toEqual({ host: text, kind: "ipv4" });
});
test.each(["1.2.3", "1.2.3.4.", "1.2.3.04", "1.2.3.256", "a.1", "a.0x1f", "0x7f000001", "1", "a.5.", "é", "a b", ""])(
  "%j is no host",
  (text) => expect(readAuthority(text)).toBeUndefined(),
);
