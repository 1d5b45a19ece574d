/** The password that every Java program tries on its own trust store (keytool(1), `cacerts`). It keeps nothing secret. */
const password = "changeit";

/** A store starts with a magic number, version 2, and how many entries there are; a digest ends it. */
const start = Uint8Array.of(0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2);
const emptyStore = Buffer.concat([start, new Uint8Array(4 + 20)]);

/** True for stores of the format "JKS", the one that every version of Java reads. Newer ones may come as PKCS #12. */
export const isJavaStore = (bytes: Uint8Array): boolean =>
  bytes.length >= emptyStore.length && start.every((byte, at) => bytes[at] === byte);

/**
 * A trust store of Java of all certificates in a PEM text, under names like `cordon-1`, and of everything in `base`, for
 * which `isJavaStore` is true.
 */
export const javaStore = (pems: string, base: Uint8Array = emptyStore): Uint8Array => {
  const certificates = pems.match(/(?<=-----BEGIN CERTIFICATE-----)[^-]+(?=-----END CERTIFICATE-----)/g) ?? [];
  // One buffer for all: base64 and the lines around it take more room than an entry does.
  const store = Buffer.alloc(base.length + pems.length);
  store.set(base);
  const count = store.readUInt32BE(start.length);
  store.writeUInt32BE(count + certificates.length, start.length);
  let end = base.length - 20;
  for (const [at, base64] of certificates.entries()) end = writeEntry(store, end, `cordon-${count + at + 1}`, base64);
  const body = store.subarray(0, end);
  // Against accidents only: the sentence and the password are known to all.
  const digest = new Bun.CryptoHasher("sha1").update(Buffer.from(password, "utf16le").swap16());
  return Buffer.concat([body, digest.update("Mighty Aphrodite").update(body).digest()]);
};

const trustedCertificate = 2;

/**
 * Kind, name, when it was put in (at no time), type, length, certificate; words are ASCII behind a length of two bytes
 * (`DataOutput.writeUTF`). Gives where the entry ends.
 */
const writeEntry = (store: Buffer, from: number, alias: string, base64: string): number => {
  let at = store.writeUInt32BE(trustedCertificate, from);
  at = store.writeUInt16BE(alias.length, at);
  at += store.write(alias, at);
  at = store.writeUInt16BE(5, at + 8);
  at += store.write("X.509", at);
  const length = store.write(base64, at + 4, "base64");
  return store.writeUInt32BE(length, at) + length;
};
