import { isJavaStore, javaStore } from "../egress/intercept/java-store.ts";
import type { Variable } from "./environment.ts";
import type { Mount } from "./plan.ts";

/** What a run that intercepts has to know of the machine. */
export type TrustFacts = {
  /** PEM files with the authorities of the system. */
  system: Uint8Array[];
  /** Texts of the files that the user's own variables and npm's configuration name; anything may stand in them. */
  user: string[];
  /** Those among them that a program trusts besides its own authorities. */
  additional: string[];
  /** The bundle of the system is among those, too. */
  addsSystem: boolean;
  /** Where the bundles of the system stand, links resolved. */
  bundles: string[];
  /** The trust stores of the Javas that are there, links resolved. */
  javaStores: { place: string; bytes: Uint8Array }[];
  /** The certificate variables that the user has set. */
  set: string[];
};

export type Trust = { mounts: Mount[]; variables: Variable[] };

/** Variables that name directories. */
export const directoryNames = ["SSL_CERT_DIR", "GIT_SSL_CAPATH"];

/** Variables whose file adds to the authorities that a program brings. */
export const additiveNames = ["NODE_EXTRA_CA_CERTS", "DENO_CERT", "CODEX_CA_CERTIFICATE"];

/** Variables whose file is the whole list of authorities. */
export const wholeNames = [
  "SSL_CERT_FILE",
  "REQUESTS_CA_BUNDLE",
  "CURL_CA_BUNDLE",
  "GIT_SSL_CAINFO",
  "PIP_CERT",
  "CARGO_HTTP_CAINFO",
  "AWS_CA_BUNDLE",
  "npm_config_cafile",
  "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
  "HTTPLIB2_CA_CERTS",
  "NIX_SSL_CERT_FILE",
];

const bundlePlace = "/run/cordon/ca.pem";
const additionPlace = "/run/cordon/ca-extra.pem";
const origin = "the authority that intercepts";

/**
 * What makes every program inside trust the authority of a run, and all that the system and the user trust. The mounts
 * stand after those of `certificateMounts`, the variables after those of `houseAuthorities`.
 *
 * Directories that the user names (`SSL_CERT_DIR`, `GIT_SSL_CAPATH`) stay: programs read them besides the file. A program
 * that gets an empty environment *and* reads nothing but a directory of hashed names (OpenSSL where the system has no
 * `cert.pem`), p11-kit or a browser's own database does not trust the authority: its connection fails, nothing leaks.
 */
export const composeTrust = (facts: TrustFacts, authorityPem: string): Trust => {
  const own = Buffer.from(joinCertificates([authorityPem, ...facts.user]));
  const bundle = Buffer.concat([own, ...facts.system.flatMap((bytes) => [newline, bytes])]);
  const addition = Buffer.from(joinCertificates([authorityPem, ...facts.additional]));
  const names = wholeNames.filter((name) => name !== "CURL_CA_BUNDLE" || !hidesDirectory(facts));
  return {
    mounts: [
      fileAt(additionPlace, addition),
      ...[bundlePlace, ...facts.bundles].map((target) => fileAt(target, bundle)),
      ...facts.javaStores.map(({ place, bytes }) =>
        fileAt(place, isJavaStore(bytes) ? javaStore(own.toString(), bytes) : javaStore(bundle.toString("latin1"))),
      ),
    ],
    variables: [
      ...names.map((name) => ({ name, value: bundlePlace, origin })),
      ...additiveNames.map((name) => ({ name, value: facts.addsSystem ? bundlePlace : additionPlace, origin })),
    ],
  };
};

const newline = Buffer.from("\n");

/** curl looks at `SSL_CERT_DIR`, beside `SSL_CERT_FILE`, only where there is no variable of its own (curl(1)). */
const hidesDirectory = ({ set }: TrustFacts): boolean =>
  set.includes("SSL_CERT_DIR") && !set.includes("CURL_CA_BUNDLE");

/** Each certificate once and nothing else: in a file of the user's a private key may stand beside it. */
const joinCertificates = (texts: string[]): string => {
  const found = texts.flatMap((text) => text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []);
  return `${[...new Set(found)].join("\n")}\n`;
};

const fileAt = (target: string, bytes: Uint8Array): Mount => ({
  kind: "bytes",
  target,
  bytes,
  permissions: 0o644,
  origin,
});
