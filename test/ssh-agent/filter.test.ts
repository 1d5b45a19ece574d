import { describe, expect, test } from "bun:test";
import { failure, passageOf } from "../../src/ssh-agent/filter.ts";
import { cutMessage, maxMessageBytes, readIdentities, writeIdentities } from "../../src/ssh-agent/protocol.ts";
import { byte, frame, signRequest, string, uint32, userauth } from "./agent.ts";

const keyOfType = (type: string, seed: number): Buffer => Buffer.concat([string(type), string(Buffer.alloc(32, seed))]);
const mine = keyOfType("ssh-ed25519", 1);
const theirs = keyOfType("ssh-ed25519", 2);
const rsa = keyOfType("ssh-rsa", 3);
const isChosen = (key: Uint8Array) => [mine, rsa].some((chosen) => chosen.equals(key));
const isLetThrough = (message: Uint8Array): boolean => passageOf(message, isChosen) !== undefined;

describe("signatures", () => {
  test("a login with a chosen key", () => {
    expect(isLetThrough(signRequest(mine, userauth(mine)))).toBe(true);
  });

  test("a login that also names the server's key", () => {
    const data = Buffer.concat([userauth(mine, { method: "publickey-hostbound-v00@openssh.com" }), string(theirs)]);
    expect(isLetThrough(signRequest(mine, data))).toBe(true);
  });

  test("RSA by either hash, and no other key by the name of one", () => {
    const named = (key: Buffer, algorithm: string) => {
      const data = userauth(key);
      const at = data.lastIndexOf(string("ssh-ed25519"), data.length - string(key).length - 1);
      return Buffer.concat([data.subarray(0, at), string(algorithm), string(key)]);
    };
    for (const algorithm of ["ssh-rsa", "rsa-sha2-256", "rsa-sha2-512"])
      expect(isLetThrough(signRequest(rsa, named(rsa, algorithm), 4))).toBe(true);
    expect(isLetThrough(signRequest(mine, named(mine, "rsa-sha2-512")))).toBe(false);
    expect(isLetThrough(signRequest(rsa, named(rsa, "ssh-ed25519")))).toBe(false);
  });

  const refused: [string, Buffer][] = [
    ["a key that was not chosen", signRequest(theirs, userauth(theirs))],
    ["a login with another key than the one that signs", signRequest(mine, userauth(theirs))],
    ["no login at all", signRequest(mine, Buffer.from("pay 100 to mallory"))],
    ["nothing", signRequest(mine, Buffer.alloc(0))],
    ["a file or a commit", signRequest(mine, Buffer.concat([Buffer.from("SSHSIG"), string("git"), userauth(mine)]))],
    ["a session of no key exchange", signRequest(mine, userauth(mine, { session: "short" }))],
    ["another service", signRequest(mine, userauth(mine, { service: "ssh-userauth" }))],
    ["another method", signRequest(mine, userauth(mine, { method: "hostbased" }))],
    ["a login with something behind it", signRequest(mine, Buffer.concat([userauth(mine), byte(0)]))],
    ["a login that ends early", signRequest(mine, userauth(mine).subarray(0, -1))],
    ["flags that nobody knows", signRequest(mine, userauth(mine), 8)],
    ["something behind the request", Buffer.concat([signRequest(mine, userauth(mine)), byte(0)])],
    ["a request that ends early", signRequest(mine, userauth(mine)).subarray(0, -1)],
  ];
  test.each(refused)("%s is refused", (_name, message) => {
    expect(isLetThrough(message)).toBe(false);
  });

  test("any byte that is changed, but for the session and the name, makes it another request", () => {
    const whole = signRequest(mine, userauth(mine));
    const start = whole.indexOf("s".repeat(32));
    const name = whole.indexOf("ada");
    for (let at = 0; at < whole.length; at++) {
      if ((at >= start && at < start + 32) || (at >= name && at < name + 3)) continue;
      for (const bit of [1, 0x80]) {
        const changed = Buffer.from(whole);
        changed[at]! ^= bit;
        expect([at, isLetThrough(changed)]).toEqual([at, false]);
      }
    }
  });
});

test("nothing but lists, logins and bindings goes through", () => {
  const types = Array.from({ length: 256 }, (_, type) => type);
  expect(types.filter((type) => isLetThrough(byte(type)))).toEqual([11]);
  expect(isLetThrough(Buffer.concat([byte(11), byte(0)]))).toBe(false);
  const extension = (name: string, session = 32) =>
    Buffer.concat([byte(27), string(name), string(theirs), string("s".repeat(session)), string("sig"), byte(0)]);
  expect(isLetThrough(extension("session-bind@openssh.com"))).toBe(true);
  expect(isLetThrough(extension("session-bind@openssh.com", 31))).toBe(false);
  expect(isLetThrough(extension("query"))).toBe(false);
});

test("answers of the wrong kind become a failure", () => {
  const list = passageOf(byte(11), isChosen)!;
  const sign = passageOf(signRequest(mine, userauth(mine)), isChosen)!;
  const bad = [byte(6), byte(14), Buffer.concat([byte(12), uint32(1)]), Buffer.concat([byte(12), uint32(0xffffffff)])];
  for (const answer of bad) expect(list(answer)).toEqual(failure);
  expect(sign(writeIdentities([{ key: mine, comment: Buffer.from("") }]))).toEqual(failure);
  expect(sign(Buffer.concat([byte(14), string("sig")]))[0]).toBe(14);
});

test("of the list only the chosen ones come back", () => {
  const identity = (key: Buffer) => ({ key, comment: Buffer.from("c") });
  const answer = writeIdentities([theirs, mine, theirs, rsa].map(identity));
  const inside = readIdentities(passageOf(byte(11), isChosen)!(answer))!;
  const hex = (key: Uint8Array): string => Buffer.from(key).toString("hex");
  expect(inside.map(({ key }) => hex(key))).toEqual([mine, rsa].map(hex));
});

describe("frames", () => {
  test("come in any pieces", () => {
    const whole = Buffer.concat([frame(byte(11)), frame(signRequest(mine, userauth(mine)))]);
    for (let cut = 0; cut < 5; cut++) expect(cutMessage(whole.subarray(0, cut))).toBeUndefined();
    const first = cutMessage(whole);
    expect(first !== "bad" && first?.message).toEqual(byte(11));
    expect(first !== "bad" && first?.rest.length).toBe(whole.length - 5);
  });

  test("with an impossible length are none", () => {
    expect(cutMessage(uint32(0))).toBe("bad");
    expect(cutMessage(uint32(maxMessageBytes + 1))).toBe("bad");
    expect(cutMessage(uint32(0xffffffff))).toBe("bad");
    expect(cutMessage(uint32(maxMessageBytes))).toBeUndefined();
  });
});

test("noise is never let through and never throws", () => {
  let state = 42;
  const random = (below: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % below;
  };
  const seeds = [signRequest(mine, userauth(mine)), signRequest(theirs, userauth(theirs)), byte(27)];
  for (let round = 0; round < 20_000; round++) {
    const bytes = Buffer.concat([seeds[random(seeds.length)]!, Buffer.alloc(random(40), random(256))]);
    for (let change = random(6); change >= 0; change--) bytes[random(bytes.length)] = random(256);
    const passage = passageOf(bytes, isChosen);
    if (passage && bytes[0] === 13) expect(bytes.indexOf(mine) !== bytes.lastIndexOf(mine)).toBe(true);
    expect(passage?.(bytes) ?? failure).toBeDefined();
    cutMessage(bytes);
  }
});
