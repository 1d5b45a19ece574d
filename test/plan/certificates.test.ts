import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { isJavaStore, javaStore } from "../../src/egress/intercept/java-store.ts";
import { type Host, inspectPath } from "../../src/host.ts";
import { certificateMounts, certificateNames, gatherTrust, houseAuthorities } from "../../src/plan/certificates.ts";
import { composeTrust, type Trust, type TrustFacts } from "../../src/plan/trust-stores.ts";
import { sampleHost } from "./sample.ts";

/** No certificates, only their dress: nothing here looks into them. */
const pem = (text: string) =>
  `-----BEGIN CERTIFICATE-----\n${Buffer.from(text).toString("base64")}\n-----END CERTIFICATE-----`;
const textOf = (texts: string[]) => `${texts.map(pem).join("\n")}\n`;

const facts: TrustFacts = {
  system: [Buffer.from(`# système\n${textOf(["system one", "system two"])}`)],
  user: [`${textOf(["house"])}-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n${textOf(["house"])}`],
  additional: [textOf(["house"])],
  addsSystem: false,
  bundles: ["/etc/ssl/certs/ca-certificates.crt"],
  javaStores: [],
  set: [],
};
const authority = textOf(["authority"]);

/** Text where it is text. */
const textIn = ({ bytes }: { bytes: Uint8Array }): string =>
  Buffer.from(bytes).toString(isJavaStore(bytes) ? "latin1" : "utf8");
const bytesOf = ({ mounts }: Trust): Record<string, string> =>
  Object.fromEntries(mounts.map((mount) => [mount.target, mount.kind === "bytes" ? textIn(mount) : ""]));
const namesOf = ({ variables }: Trust): Record<string, string> =>
  Object.fromEntries(variables.map(({ name, value }) => [name, value]));

describe("what stands inside", () => {
  test("one bundle of everything, with no keys", () => {
    const files = bytesOf(composeTrust(facts, authority));
    const whole = `${textOf(["authority", "house"])}\n# système\n${textOf(["system one", "system two"])}`;
    expect(files).toEqual({
      "/run/cordon/ca.pem": whole,
      "/run/cordon/ca-extra.pem": textOf(["authority", "house"]),
      "/etc/ssl/certs/ca-certificates.crt": whole,
    });
  });

  test("Java's stores keep what is in them, those of a format that is not ours are made anew", () => {
    const own = { place: "/etc/ssl/certs/java/cacerts", bytes: javaStore(pem("imported")) };
    const foreign = { place: "/opt/java/lib/security/cacerts", bytes: Buffer.from("PKCS #12, with imported") };
    const files = bytesOf(composeTrust({ ...facts, javaStores: [own, foreign] }, authority));
    const hold = (place: string) =>
      ["imported", "authority", "house", "system one", "system two"].filter((name) => files[place]!.includes(name));
    expect(hold(own.place)).toEqual(["imported", "authority", "house"]);
    expect(hold(foreign.place)).toEqual(["authority", "house", "system one", "system two"]);
    for (const place of [own.place, foreign.place])
      expect(isJavaStore(Buffer.from(files[place]!, "latin1"))).toBe(true);
  });

  test("every variable that names a file leads to one of ours", () => {
    const whole = [
      ...["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "PIP_CERT", "CARGO_HTTP_CAINFO"],
      ...["AWS_CA_BUNDLE", "npm_config_cafile", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "HTTPLIB2_CA_CERTS"],
      "NIX_SSL_CERT_FILE",
    ];
    const adding = ["NODE_EXTRA_CA_CERTS", "DENO_CERT", "CODEX_CA_CERTIFICATE"];
    expect(namesOf(composeTrust(facts, authority))).toEqual({
      ...Object.fromEntries(whole.map((name) => [name, "/run/cordon/ca.pem"])),
      ...Object.fromEntries(adding.map((name) => [name, "/run/cordon/ca-extra.pem"])),
    });
    expect(certificateNames.toSorted()).toEqual([...whole, ...adding, "SSL_CERT_DIR", "GIT_SSL_CAPATH"].toSorted());
  });

  test("a directory of the user's stays in use: curl would not look there beside its own variable", () => {
    const namesWith = (...set: string[]) => namesOf(composeTrust({ ...facts, set }, authority));
    expect(namesWith("SSL_CERT_DIR")["CURL_CA_BUNDLE"]).toBeUndefined();
    expect(namesWith("SSL_CERT_DIR")["SSL_CERT_FILE"]).toBe("/run/cordon/ca.pem");
    expect(namesWith("SSL_CERT_DIR", "CURL_CA_BUNDLE")["CURL_CA_BUNDLE"]).toBe("/run/cordon/ca.pem");
    expect(namesWith()["SSL_CERT_DIR"]).toBeUndefined();
  });
});

describe("what is found on the machine", () => {
  const home = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "cordon-trust-")));
  afterAll(() => fs.rmSync(home, { recursive: true }));
  const write = (name: string, text: string): string => {
    const file = path.join(home, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
    return file;
  };
  const hostWith = (env: Record<string, string>): Host => ({ ...sampleHost, home, realHome: home, cwd: home, env });
  /** Without the authorities that the administrator of this machine may have put into its store. */
  const gather = (env: Record<string, string>) => gatherTrust(hostWith({ NODE_USE_SYSTEM_CA: "1", ...env }));
  beforeAll(() => write("house.pem", textOf(["house"])));

  test("the files that variables name, also relative ones, and which variables are set", () => {
    const file = write("other.pem", textOf(["other"]));
    const found = gather({ NODE_EXTRA_CA_CERTS: file, PIP_CERT: "house.pem", SSL_CERT_DIR: home, AWS_CA_BUNDLE: "" });
    expect(found.user.toSorted()).toEqual([textOf(["house"]), textOf(["other"])].toSorted());
    expect(found.additional).toEqual([textOf(["other"])]);
    expect(found.set.toSorted()).toEqual(["NODE_EXTRA_CA_CERTS", "PIP_CERT", "SSL_CERT_DIR"]);
    expect(gather({ NPM_CONFIG_CAFILE: file }).user).toEqual([textOf(["other"])]);
  });

  test("what is no readable file is left out", () => {
    const large = write("large.pem", "");
    fs.truncateSync(large, 8 * 1024 * 1024 + 1);
    const values = [path.join(home, "missing"), home, "/dev/zero", "/house.pem/x", large, "a\0b"];
    for (const SSL_CERT_FILE of values) expect(gather({ SSL_CERT_FILE }).user).toEqual([]);
  });

  test.each([
    ["cafile=house.pem", "relative"],
    ["registry=x\n cafile = ~/house.pem\r\n", "home, line ends of Windows"],
    [`cafile="${"$"}{PLACE}/house.pem"`, "a variable, quoted"],
    ["cafile=/missing.pem\ncafile=house.pem", "the last one counts"],
  ])("npm's cafile: %j (%s)", (text) => {
    write(".npmrc", text);
    expect(gather({ PLACE: home }).user).toEqual([textOf(["house"])]);
    expect(gather({ PLACE: home, NPM_CONFIG_USERCONFIG: "/missing" }).user).toEqual([]);
  });

  test("an npmrc without one, and one that is a comment", () => {
    for (const text of ["", "registry=x", "# cafile=house.pem", "; cafile=house.pem", "xcafile=house.pem", "cafile="]) {
      write(".npmrc", text);
      expect(gather({}).user).toEqual([]);
    }
  });

  test("the system's bundles at the place that links lead to, each once", () => {
    const bundle = write("bundle.pem", textOf(["system"]));
    const other = write("other-bundle.pem", textOf(["another"]));
    const link = path.join(home, "link.pem");
    fs.symlinkSync(bundle, link);
    const found = gatherTrust(hostWith({}), [link, bundle, "/missing", other]);
    expect(found.bundles).toEqual([bundle, other]);
    expect(found.system.map(String)).toEqual([textOf(["system"]), textOf(["another"])]);
  });

  test("on a machine without any, the authorities of the runtime stand in", () => {
    const found = gatherTrust(hostWith({}), ["/missing"]);
    expect(found.bundles).toEqual([]);
    expect(String(found.system[0]).match(/BEGIN CERTIFICATE/g)!.length).toBeGreaterThan(50);
  });

  test("this machine's own are found", () => {
    const debian = inspectPath("/etc/ssl/certs/ca-certificates.crt");
    expect(gather({}).bundles.includes(debian.real)).toBe(debian.kind === "file");
  });

  test("what is in the system's bundle is not taken twice", () => {
    const bundle = write("bundle.pem", textOf(["system"]));
    const found = gatherTrust(hostWith({ NODE_EXTRA_CA_CERTS: bundle }), [bundle]);
    expect([found.user, found.additional, found.system.length]).toEqual([[], [], 1]);
    expect(found.addsSystem).toBe(true);
    expect(gather({ NODE_EXTRA_CA_CERTS: bundle }).addsSystem).toBe(false);
  });

  test("where the house has an authority, Node is led to it as without interception", () => {
    expect(gatherTrust(hostWith({})).addsSystem).toBe(houseAuthorities(hostWith({})).length > 0);
    const names = namesOf(composeTrust({ ...facts, addsSystem: true }, authority));
    expect(names["NODE_EXTRA_CA_CERTS"]).toBe("/run/cordon/ca.pem");
  });

  test("a Java that the user has, at the place that its links lead to", () => {
    const store = write("stores/cacerts", "a store");
    const java = path.join(home, "java");
    fs.mkdirSync(path.join(java, "lib/security"), { recursive: true });
    fs.symlinkSync(store, path.join(java, "lib/security/cacerts"));
    const old = write(".sdkman/candidates/java/8/jre/lib/security/cacerts", "an old store");
    const found = (env: Record<string, string>) =>
      gather(env).javaStores.flatMap(({ place, bytes }) => (place.startsWith(home) ? [[place, String(bytes)]] : []));
    expect(found({ JAVA_HOME: java })).toEqual([
      [store, "a store"],
      [old, "an old store"],
    ]);
    expect(found({ JAVA_HOME: "java" })).toEqual([[old, "an old store"]]);
  });

  test("a variable in a plan without interception brings its file along", () => {
    const env = { NIX_SSL_CERT_FILE: "house.pem", HTTPLIB2_CA_CERTS: "/missing" };
    const mounts = certificateMounts({ ...sampleHost, cwd: home, env });
    expect(mounts.map(({ target, origin }) => [target, origin])).toEqual([
      [path.join(home, "house.pem"), "NIX_SSL_CERT_FILE"],
    ]);
  });
});
