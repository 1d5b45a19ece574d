import path from "node:path";
import { type Host, inspectPath, listDirectory } from "../host.ts";
import type { Variable } from "./environment.ts";
import type { Mount } from "./plan.ts";

/** Names of certificate bundles; the file or directory each one names is shown inside. */
export const certificateNames = [
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "NODE_EXTRA_CA_CERTS",
  "REQUESTS_CA_BUNDLE",
  "CURL_CA_BUNDLE",
  "GIT_SSL_CAINFO",
  "GIT_SSL_CAPATH",
  "PIP_CERT",
  "CARGO_HTTP_CAINFO",
  "DENO_CERT",
  "AWS_CA_BUNDLE",
  "npm_config_cafile",
  "CODEX_CA_CERTIFICATE",
];

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
