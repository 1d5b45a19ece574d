import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import type { Authority } from "./authority.ts";

export type Postgres = { port: number; close(): void };

/** Where Debian keeps the server's programs; undefined without a server. */
export const findPostgres = (): string | undefined => {
  const root = "/usr/lib/postgresql";
  const versions = fs.existsSync(root) ? fs.readdirSync(root) : [];
  return versions
    .map((version) => path.join(root, version, "bin"))
    .find((bin) => fs.existsSync(path.join(bin, "initdb")));
};

/** A real PostgreSQL with TLS, a database `postgres` and a user `postgres` who needs no password. */
export const startPostgres = (
  bin: string,
  directory: string,
  uid: number,
  authority: Authority,
  address: string,
  port: number,
): Postgres => {
  const as = ["--reuid", `${uid}`, "--regid", `${uid}`, "--clear-groups", "--pdeathsig=KILL"];
  const env = { PATH: "/usr/bin:/bin", LC_ALL: "C.UTF-8" };
  const data = path.join(directory, "data");
  for (const name of ["cert", "key"] as const) fs.copyFileSync(authority[name], path.join(directory, `${name}.pem`));
  fs.chmodSync(path.join(directory, "key.pem"), 0o600);
  execFileSync("chown", ["-R", `${uid}:${uid}`, directory]);
  const initialise = [path.join(bin, "initdb"), "--auth=trust", "--username=postgres", "--no-sync", "--pgdata", data];
  execFileSync("setpriv", [...as, ...initialise], { env, stdio: "pipe", cwd: directory });
  fs.appendFileSync(path.join(data, "pg_hba.conf"), "hostssl all all all trust\n");
  const settings = {
    listen_addresses: address,
    port: `${port}`,
    unix_socket_directories: directory,
    ssl: "on",
    ssl_cert_file: path.join(directory, "cert.pem"),
    ssl_key_file: path.join(directory, "key.pem"),
    fsync: "off",
    jit: "off",
  };
  const words = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const child = spawn("setpriv", [...as, path.join(bin, "postgres"), "-D", data, ...words], {
    env,
    stdio: "ignore",
    cwd: directory,
  });
  // An immediate shutdown: its children end too (postgres(1)).
  return { port, close: () => void child.kill("SIGQUIT") };
};
