import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { createAuthority } from "../../../src/egress/intercept/certificate-authority.ts";
import { isJavaStore, javaStore } from "../../../src/egress/intercept/java-store.ts";

const authorities = await Promise.all([createAuthority(), createAuthority()]);
const pems = authorities.map(({ pem }) => pem);
const text = `# a comment\n${pems[0]}\nanything\n${pems[1]!.replaceAll("\n", "\r\n")}`;

/** Reads what another program would: the layout of the format, byte by byte. */
const read = (bytes: Uint8Array) => {
  const view = Buffer.from(bytes);
  let at = 0;
  const take = (length: number) => {
    at += length;
    return view.subarray(at - length, at);
  };
  const number = () => take(4).readUInt32BE();
  const word = () => take(take(2).readUInt16BE()).toString();
  const head = [number(), number()];
  const entries = Array.from({ length: number() }, () => ({
    kind: number(),
    alias: word(),
    date: take(8).readBigInt64BE(),
    type: word(),
    certificate: take(number()),
  }));
  return { head, entries, body: view.subarray(0, at), digest: view.subarray(at) };
};

const digestOf = (body: Uint8Array) => {
  const secret = Buffer.from([..."changeit"].flatMap((letter) => [0, letter.charCodeAt(0)]));
  return createHash("sha1").update(secret).update("Mighty Aphrodite").update(body).digest();
};

test("holds every certificate under a name of its own, and its digest is right", () => {
  const { head, entries, body, digest } = read(javaStore(text));
  expect(head).toEqual([0xfeedfeed, 2]);
  expect(entries.map(({ kind, alias, date, type }) => [kind, alias, date, type])).toEqual([
    [2, "cordon-1", 0n, "X.509"],
    [2, "cordon-2", 0n, "X.509"],
  ]);
  expect(entries.map(({ certificate }) => certificate)).toEqual(pems.map((pem) => new X509Certificate(pem).raw));
  expect(digest).toEqual(digestOf(body));
});

test("what is in another store stays", () => {
  const both = read(javaStore(pems[1]!, javaStore(pems[0]!)));
  expect(both.entries.map(({ certificate }) => certificate)).toEqual(pems.map((pem) => new X509Certificate(pem).raw));
  expect(both.entries.map(({ alias }) => alias)).toEqual(["cordon-1", "cordon-2"]);
  expect(both.digest).toEqual(digestOf(both.body));
});

test("only what begins like one is a store", () => {
  const store = javaStore("");
  expect([store, javaStore(text)].map(isJavaStore)).toEqual([true, true]);
  const others = [new Uint8Array(), store.subarray(0, -1), Buffer.from("3082".repeat(20), "hex"), store.with(7, 1)];
  expect(others.filter(isJavaStore)).toEqual([]);
});

test("without certificates it is empty", () => {
  expect(read(javaStore("")).entries).toEqual([]);
});

test.skipIf(Bun.which("keytool") === null)("keytool lists them, and refuses another password", () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "cordon-java-"));
  try {
    const file = path.join(directory, "cacerts");
    fs.writeFileSync(file, javaStore(text));
    const list = (password: string) =>
      spawnSync("keytool", ["-list", "-keystore", file, "-storepass", password], {
        encoding: "utf8",
        env: { PATH: process.env["PATH"], HOME: directory, LC_ALL: "C" },
      });
    const { stdout } = list("changeit");
    expect(stdout).toContain("contains 2 entries");
    for (const pem of pems) expect(stdout).toContain(new X509Certificate(pem).fingerprint256);
    expect(list("another").stdout).toContain("password was incorrect");
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
});
