import { afterAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import tls from "node:tls";
import { createAuthority } from "../../../src/egress/intercept/certificate-authority.ts";

const directory = fs.mkdtempSync(path.join(os.tmpdir(), "cordon-authority-"));
afterAll(() => fs.rmSync(directory, { recursive: true }));

const authority = await createAuthority();
const leaf = await authority.issue("api.example.test");
const longName = `${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.test`;

const fileOf = (name: string, text: string): string => {
  const file = path.join(directory, name);
  fs.writeFileSync(file, text);
  return file;
};
const caFile = fileOf("ca.pem", authority.pem);

const openssl = (...args: string[]): { status: number | null; text: string } => {
  const done = spawnSync("openssl", args, { encoding: "utf8", env: { PATH: process.env["PATH"] } });
  return { status: done.status, text: done.stdout + done.stderr };
};
const verify = (cert: string, ...options: string[]) =>
  openssl("verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", caFile, ...options, fileOf("leaf.pem", cert));

describe("what openssl makes of it", () => {
  test("the authority is one, for leaves only", () => {
    const { text } = openssl("x509", "-in", caFile, "-noout", "-text");
    expect(text).toMatch(/Basic Constraints: critical\s+CA:TRUE, pathlen:0\n/);
    expect(text).toMatch(/Key Usage: critical\s+Certificate Sign, CRL Sign\n/);
    expect(text).toMatch(/Subject Key Identifier/);
    expect(text).toMatch(/Issuer: CN ?= ?cordon session authority [0-9a-f]{8}\n/);
    expect(text).toMatch(/Subject: CN ?= ?cordon session authority [0-9a-f]{8}\n/);
    expect(text).toContain("ecdsa-with-SHA256");
    expect(openssl("verify", "-x509_strict", "-check_ss_sig", "-CAfile", caFile, caFile)).toMatchObject({ status: 0 });
  });

  test("a leaf is for one server", () => {
    const { text } = openssl("x509", "-in", fileOf("leaf.pem", leaf.cert), "-noout", "-text");
    expect(text).toMatch(/Key Usage: critical\s+Digital Signature\n/);
    expect(text).toMatch(/Extended Key Usage: *\n\s+TLS Web Server Authentication\n/);
    expect(text).toMatch(/Subject Alternative Name: *\n\s+DNS:api\.example\.test\n/);
    expect(text).not.toContain("CA:TRUE");
    const idOf = (label: string, from: string) =>
      new RegExp(`${label} Key Identifier: *\\n\\s+([0-9A-F:]+)`).exec(from)?.[1];
    const ofAuthority = openssl("x509", "-in", caFile, "-noout", "-text").text;
    expect(idOf("Authority", text)).toBe(idOf("Subject", ofAuthority)!);
    expect(idOf("Subject", text)).not.toBe(idOf("Subject", ofAuthority)!);
  });

  test.each([
    ["-verify_hostname", "api.example.test", "other.example.test"],
    ["-verify_hostname", longName, "api.example.test"],
    ["-verify_ip", "192.0.2.7", "192.0.2.8"],
    ["-verify_ip", "2001:db8:0:0:0:0:0:7", "2001:db8::8"],
  ])("strict verification of %s %s", async (option, name, other) => {
    const { cert } = await authority.issue(name);
    expect(verify(cert, option, name)).toMatchObject({ status: 0 });
    expect(verify(cert, option, other).status).not.toBe(0);
  });

  test("another run's leaf for the same name is not accepted", async () => {
    const other = await createAuthority();
    expect(verify((await other.issue("api.example.test")).cert).status).not.toBe(0);
  });

  test("the key belongs to the certificate", () => {
    const ofKey = openssl("pkey", "-in", fileOf("key.pem", leaf.key), "-pubout").text;
    expect(ofKey).toContain("BEGIN PUBLIC KEY");
    expect(openssl("x509", "-in", fileOf("leaf.pem", leaf.cert), "-noout", "-pubkey").text).toBe(ofKey);
    expect(openssl("x509", "-in", caFile, "-noout", "-pubkey").text).not.toBe(ofKey);
  });
});

describe("time and numbers", () => {
  test("valid from an hour ago, long enough for a run, shorter than clients allow", () => {
    for (const pem of [authority.pem, leaf.cert]) {
      const { validFrom, validTo } = new X509Certificate(pem);
      const hours = (text: string) => (Date.parse(text) - Date.now()) / 3_600_000;
      expect(Math.round(hours(validFrom))).toBe(-1);
      expect(hours(validTo)).toBeGreaterThan(30 * 24);
      expect(hours(validTo) - hours(validFrom)).toBeLessThan(398 * 24);
    }
  });

  test("every serial number is positive, 16 bytes long and another", async () => {
    const names = Array.from({ length: 200 }, (_, at) => `n${at}.test`);
    const serials = (await Promise.all(names.map((name) => authority.issue(name)))).map(
      ({ cert }) => new X509Certificate(cert).serialNumber,
    );
    expect(new Set(serials).size).toBe(200);
    expect(serials.filter((serial) => !/^[4-7][0-9A-F]{31}$/.test(serial))).toEqual([]);
  });

  test("every signature is whole, also where its numbers are short", async () => {
    const { publicKey } = new X509Certificate(authority.pem);
    const names = Array.from({ length: 600 }, (_, at) => `s${at}.test`);
    const leaves = await Promise.all(names.map((name) => authority.issue(name)));
    expect(leaves.filter(({ cert }) => !new X509Certificate(cert).verify(publicKey))).toEqual([]);
  });
});

describe("what is kept", () => {
  test("a name keeps its certificate, and all share one key", async () => {
    const [one, other] = await Promise.all([authority.issue("same.test"), authority.issue("same.test")]);
    expect(one).toEqual(other);
    expect(await authority.issue("same.test")).toEqual(one);
    expect((await authority.issue("next.test")).key).toBe(one.key);
    expect(one.key).toBe(leaf.key);
  });

  test("a thousand names at most; those in use stay", async () => {
    const small = await createAuthority();
    const [used, unused] = [await small.issue("used.test"), await small.issue("unused.test")];
    for (let at = 0; at < 999; at++) {
      await small.issue(`m${at}.test`);
      await small.issue("used.test");
    }
    expect(await small.issue("used.test")).toEqual(used);
    expect((await small.issue("unused.test")).cert).not.toBe(unused.cert);
  });

  test("two runs share nothing", async () => {
    const other = await createAuthority();
    expect(other.pem).not.toBe(authority.pem);
    expect((await other.issue("api.example.test")).key).not.toBe(leaf.key);
  });
});

describe("a handshake", () => {
  const shake = async (name: string, ca: string | undefined): Promise<string> => {
    const { key, cert } = await authority.issue("api.example.test");
    const server = Bun.listen({ hostname: "127.0.0.1", port: 0, tls: { key, cert }, socket: { data() {} } });
    try {
      return await new Promise((resolve) => {
        const client = tls.connect({ host: "127.0.0.1", port: server.port, servername: name, ...(ca && { ca }) });
        client
          .once("secureConnect", () => resolve(client.getProtocol() ?? ""))
          .once("error", ({ message }) => resolve(message));
        client.once("close", () => resolve("closed"));
      });
    } finally {
      server.stop(true);
    }
  };

  test("succeeds for that name with that authority only", async () => {
    expect(await shake("api.example.test", authority.pem)).toBe("TLSv1.3");
    expect(await shake("other.example.test", authority.pem)).toMatch(/altname|Hostname/i);
    expect(await shake("api.example.test", undefined)).toMatch(/certificate/);
    expect(await shake("api.example.test", (await createAuthority()).pem)).toMatch(/certificate|signature/);
  });
});
