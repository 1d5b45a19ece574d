import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

/** Files in PEM. */
export type Authority = { ca: string; cert: string; key: string };

/** A certificate authority of its own and one certificate for all the names, good for a day. */
export const createAuthority = (directory: string, names: string[]): Authority => {
  const at = (name: string): string => path.join(directory, name);
  const openssl = (...args: string[]): void => void execFileSync("openssl", args, { cwd: directory, stdio: "pipe" });
  const fresh = ["-newkey", "rsa:2048", "-nodes"];
  const extensions = `subjectAltName=${names.map((name) => `DNS:${name}`).join(",")}\nextendedKeyUsage=serverAuth\n`;
  fs.writeFileSync(at("extensions"), extensions);
  openssl("req", "-x509", ...fresh, "-keyout", "ca.key", "-out", "ca.pem", "-days", "1", "-subj", "/CN=a test's own");
  openssl("req", ...fresh, "-keyout", "key.pem", "-out", "request.pem", "-subj", `/CN=${names[0]}`);
  const signer = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"];
  openssl("x509", "-req", "-in", "request.pem", ...signer, "-out", "cert.pem", "-days", "1", "-extfile", "extensions");
  fs.chmodSync(at("ca.pem"), 0o644);
  return { ca: at("ca.pem"), cert: at("cert.pem"), key: at("key.pem") };
};
