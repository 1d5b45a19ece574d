import { parseAddress } from "../address.ts";
import { bits, type Der, integer, objectId, octets, sequence, set, tagged, text, time, yes } from "./der.ts";

export type CertificateAuthority = {
  /** PEM of the authority's own certificate. */
  pem: string;
  /**
   * A key and a certificate (PEM) for exactly one host name or IP literal, in the spelling of `canonicalName` or
   * `formatAddress`. All names share one key; a name keeps its certificate while the run lasts.
   */
  issue(name: string): Promise<{ key: string; cert: string }>;
};

const algorithm = { name: "ECDSA", namedCurve: "P-256" };
const hourMs = 3_600_000;
const validMs = 90 * 24 * hourMs;

/** A sandbox may ask for any number of names; those that it has not asked for in a long time are made anew. */
const mostLeaves = 1000;

/** An authority of one run. Its private key cannot leave this process, and ends with it. */
export const createAuthority = async (): Promise<CertificateAuthority> => {
  const { privateKey, publicKey } = await crypto.subtle.generateKey(algorithm, false, ["sign", "verify"]);
  const key = await identify(publicKey);
  const now = Date.now();
  // Two of one name would be taken for each other where a bundle and a directory both hold one (OpenSSL, by_dir.c).
  const name = `cordon session authority ${Buffer.from(key.id).toString("hex", 0, 4)}`;
  const issuer = { privateKey, id: key.id, name, from: now - hourMs, to: now + validMs };
  const pem = await sign(issuer, { name, key, extensions: authorityExtensions });
  let leafKey: Promise<LeafKey> | undefined;
  const leaves = new Map<string, Promise<{ key: string; cert: string }>>();
  const make = async (name: string) => {
    leafKey ??= createLeafKey();
    const { pem, ...key } = await leafKey;
    return { key: pem, cert: await sign(issuer, { name: leafName, key, extensions: leafExtensions(name) }) };
  };
  return {
    pem,
    issue(name) {
      const leaf = leaves.get(name) ?? make(name);
      // Put in again, so that the first one in the map is the one that was asked for longest ago.
      leaves.delete(name);
      leaves.set(name, leaf);
      if (leaves.size > mostLeaves) leaves.delete(leaves.keys().next().value!);
      return leaf;
    },
  };
};

type Issuer = { privateKey: CryptoKey; id: Uint8Array; name: string; from: number; to: number };

/** Its subjectPublicKeyInfo, and what stands for it: any unique value will do (RFC 5280 §4.2.1.2), a hash takes longer. */
type PublicKey = { info: Uint8Array; id: Uint8Array };
type LeafKey = PublicKey & { pem: string };

const identify = async (key: CryptoKey): Promise<PublicKey> => ({
  info: new Uint8Array(await crypto.subtle.exportKey("spki", key)),
  id: crypto.getRandomValues(new Uint8Array(20)),
});

const createLeafKey = async (): Promise<LeafKey> => {
  const { privateKey, publicKey } = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const [bytes, key] = await Promise.all([crypto.subtle.exportKey("pkcs8", privateKey), identify(publicKey)]);
  return { ...key, pem: pemOf("PRIVATE KEY", new Uint8Array(bytes)) };
};

/** Said to people who look at the certificate; the host's name stands in the alternative name, where clients look. */
const leafName = "intercepted by cordon";

/** ecdsa-with-SHA256, 1.2.840.10045.4.3.2 (RFC 5758 §3.2). */
const signatureAlgorithm = sequence(objectId(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02));

/** RFC 5280 §4.1. */
const sign = async (
  issuer: Issuer,
  { name, key, extensions }: { name: string; key: PublicKey; extensions: Der[] },
): Promise<string> => {
  const body = sequence(
    tagged(0, true, integer(Uint8Array.of(2))), // version 3
    integer(serial()),
    signatureAlgorithm,
    commonName(issuer.name),
    sequence(time(new Date(issuer.from)), time(new Date(issuer.to))),
    commonName(name),
    key.info,
    tagged(
      3,
      true,
      sequence(
        ...extensions,
        extension(14, false, octets(key.id)), // subjectKeyIdentifier
        extension(35, false, sequence(tagged(0, false, issuer.id))), // authorityKeyIdentifier
      ),
    ),
  );
  const raw = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, issuer.privateKey, body);
  const [r, s] = [new Uint8Array(raw, 0, 32), new Uint8Array(raw, 32)];
  const signature = sequence(integer(r), integer(s));
  return pemOf("CERTIFICATE", sequence(body, signatureAlgorithm, bits(signature)));
};

/** Never zero, never negative, and nobody can guess it. */
const serial = (): Uint8Array => {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = (bytes[0]! & 0x3f) | 0x40;
  return bytes;
};

/** A name with one part, 2.5.4.3. */
const commonName = (name: string): Der => sequence(set(sequence(objectId(0x55, 4, 3), text(name))));

/** An extension of the arc 2.5.29 (RFC 5280 §4.2.1). */
const extension = (number: number, critical: boolean, value: Der): Der =>
  sequence(objectId(0x55, 29, number), ...(critical ? [yes()] : []), octets(value));

const authorityExtensions = [
  extension(19, true, sequence(yes(), integer(Uint8Array.of(0)))), // an authority, for leaves only
  extension(15, true, bits(Uint8Array.of(0x06), 1)), // keyCertSign, cRLSign
];

/** 1.3.6.1.5.5.7.3.1 (RFC 5280 §4.2.1.12). */
const serverAuth = objectId(0x2b, 6, 1, 5, 5, 7, 3, 1);

const leafExtensions = (name: string): Der[] => {
  const address = parseAddress(name);
  const alternative = address ? tagged(7, false, Uint8Array.from(address)) : tagged(2, false, Buffer.from(name));
  return [
    extension(15, true, bits(Uint8Array.of(0x80), 7)), // digitalSignature
    extension(37, false, sequence(serverAuth)),
    extension(17, false, sequence(alternative)),
  ];
};

const pemOf = (label: string, bytes: Uint8Array): string => {
  const lines = Buffer.from(bytes)
    .toString("base64")
    .replace(/.{64}(?=.)/g, "$&\n");
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
};
