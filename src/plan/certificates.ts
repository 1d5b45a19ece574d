import fs from "node:fs";
import path from "node:path";
import { type Host, inspectPath, listDirectory } from "../host.ts";
import type { Variable } from "./environment.ts";
import type { Mount } from "./plan.ts";
import {
  additiveNames,
  composeTrust,
  directoryNames,
  type Trust,
  type TrustFacts,
  wholeNames,
} from "./trust-stores.ts";

/** Names of certificate bundles; the file or directory each one names is shown inside. */
export const certificateNames = [...directoryNames, ...wholeNames, ...additiveNames];

/** Names that choose a store and no file. */
export const storeNames = ["NODE_USE_SYSTEM_CA", "DENO_TLS_CA_STORE"];

/** The files and directories that the variables name; `SSL_CERT_DIR` may be a list (openssl-env(7)). */
export const certificateMounts = ({ env, cwd }: Host): Mount[] =>
  certificateNames.flatMap((name) =>
    (name === "SSL_CERT_DIR" ? (env[name] ?? "").split(":") : [env[name] ?? ""]).flatMap((value): Mount[] => {
      if (value === "") return [];
      const target = path.resolve(cwd, value);
      const { kind, real } = inspectPath(target);
      return kind === "file" || kind === "directory"
        ? [{ kind: "bind", source: real, target, mode: "ro", origin: name }]
        : [];
    }),
  );

/** Where an administrator puts authorities of the house, and the bundle that the system makes of them: Debian, Fedora, SUSE. */
const stores = [
  { anchors: "/usr/local/share/ca-certificates", bundle: "/etc/ssl/certs/ca-certificates.crt" },
  { anchors: "/etc/pki/ca-trust/source/anchors", bundle: "/etc/pki/tls/certs/ca-bundle.crt" },
  { anchors: "/etc/pki/trust/anchors", bundle: "/etc/ssl/ca-bundle.pem" },
];

/**
 * Node brings its own authorities and does not look at the system's (nodejs.org/api/cli, NODE_EXTRA_CA_CERTS). Where the
 * house has one of its own, agents that run on Node are led to it, unless the user has decided otherwise.
 */
export const houseAuthorities = ({ env }: Host): Variable[] => {
  if (env["NODE_EXTRA_CA_CERTS"] || env["NODE_USE_SYSTEM_CA"]) return [];
  const store = stores.find(
    ({ anchors, bundle }) => listDirectory(anchors).length > 0 && inspectPath(bundle).kind === "file",
  );
  return store ? [{ name: "NODE_EXTRA_CA_CERTS", value: store.bundle, origin: store.anchors }] : [];
};

/** Where systems keep the bundle of all trusted certificates: Debian and Arch, Fedora, SUSE, Alpine, NixOS. */
const systemBundles = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/pki/tls/cert.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
  "/etc/ssl/certs/ca-bundle.crt",
];

/** The systems' stores for Java: Debian and Arch, Fedora, SUSE. Other Javas bring one of their own. */
const javaStores = ["/etc/ssl/certs/java/cacerts", "/etc/pki/java/cacerts", "/var/lib/ca-certificates/java-cacerts"];

/** What lets every program inside trust the authority that intercepts; see `composeTrust`. */
export const trustStores = (host: Host, authorityPem: string): Trust => composeTrust(gatherTrust(host), authorityPem);

/**
 * What `composeTrust` needs to know. Files that the user names and that cannot be read are left out: the user's own tools
 * would complain about them. `places` are where a bundle of the system may stand.
 */
export const gatherTrust = (host: Host, places: string[] = systemBundles): TrustFacts => {
  const { env, cwd } = host;
  const house = houseAuthorities(host).map(({ name, value }) => [name, value]);
  const given: Record<string, string> = { ...env, ...Object.fromEntries(house) };
  const named = (names: string[]) => names.flatMap((name) => (given[name] ? [path.resolve(cwd, given[name])] : []));
  const bundles = realFiles(places);
  const beside = (files: string[]) => realFiles(files).filter((file) => !bundles.includes(file));
  const system = readFiles(bundles);
  const additional = named(additiveNames);
  return {
    system: system.length > 0 ? system.map(({ bytes }) => bytes) : builtInCertificates(),
    user: textsOf(beside([...named([...wholeNames, ...additiveNames, "NPM_CONFIG_CAFILE"]), ...npmCafile(host)])),
    additional: textsOf(beside(additional)),
    addsSystem: realFiles(additional).some((file) => bundles.includes(file)),
    bundles,
    javaStores: readFiles(realFiles([...javaStores, ...javaHomes(host).flatMap(storesOf)])),
    set: certificateNames.filter((name) => env[name]),
  };
};

/** Of a machine without any, programs still trust the authorities that they bring along: those of the runtime stand in. */
const builtInCertificates = (): Uint8Array[] => [
  Buffer.from(process.getBuiltinModule("node:tls").rootCertificates.join("\n")),
];

const largestBytes = 8 * 1024 * 1024;

/** Those that are files, each once and at the place where links lead to. */
const realFiles = (files: string[]): string[] => [
  ...new Set(files.map(inspectPath).flatMap(({ kind, real }) => (kind === "file" ? [real] : []))),
];

const readFiles = (places: string[]): { place: string; bytes: Buffer }[] =>
  places.flatMap((place) => {
    try {
      return fs.statSync(place).size > largestBytes ? [] : [{ place, bytes: fs.readFileSync(place) }];
    } catch {
      return [];
    }
  });

const textsOf = (places: string[]): string[] => readFiles(places).map(({ bytes }) => bytes.toString());

/** The `cafile` of the user's npmrc, in which `${NAME}` is a variable and `~/` is home, as npm documents it (npmrc). */
const npmCafile = ({ env, home, cwd }: Host): string[] => {
  const file = path.resolve(cwd, env["NPM_CONFIG_USERCONFIG"] || path.join(home, ".npmrc"));
  const [text = ""] = textsOf(realFiles([file]));
  const value = [...text.matchAll(/^[ \t]*cafile[ \t]*=[ \t]*(["']?)(.+?)\1[ \t]*\r?$/gm)].at(-1)?.[2];
  const expanded = value?.replace(/\$\{(\w+)\}/g, (whole, name: string) => env[name] ?? whole);
  return expanded === undefined ? [] : [path.resolve(cwd, expanded.replace(/^~(?=\/)/, home))];
};

const javaHomes = ({ env, home }: Host): string[] => [
  ...(path.isAbsolute(env["JAVA_HOME"] ?? "") ? [env["JAVA_HOME"]!] : []),
  ...["/usr/lib/jvm", path.join(home, ".sdkman/candidates/java")].flatMap((directory) =>
    listDirectory(directory).map((name) => path.join(directory, name)),
  ),
];

/** Java 8 has its libraries one level deeper. */
const storesOf = (javaHome: string): string[] =>
  ["lib", "jre/lib"].map((name) => path.join(javaHome, name, "security/cacerts"));
