import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

export type Ssh = { port: number; key: string; knownHosts: string; close(): void };

/**
 * A real sshd on one address, for one user and one key; `sshd` is where Debian's package was installed or unpacked. It
 * runs as that user: sshd needs no user and no directory of its own then.
 */
export const startSsh = (sshd: Sshd, directory: string, uid: number, address: string, port: number): Ssh => {
  const at = (name: string): string => path.join(directory, name);
  for (const name of ["host-key", "user-key"])
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "a test's own", "-f", at(name)]);
  fs.copyFileSync(at("user-key.pub"), at("authorized"));
  const [type, key] = fs.readFileSync(at("host-key.pub"), "utf8").split(" ");
  fs.writeFileSync(at("known"), `* ${type} ${key}\n`);
  const options = {
    HostKey: at("host-key"),
    AuthorizedKeysFile: at("authorized"),
    ListenAddress: `${address}:${port}`,
    PidFile: "none",
    UsePAM: "no",
    StrictModes: "no",
    PasswordAuthentication: "no",
  };
  fs.writeFileSync(
    at("config"),
    Object.entries(options)
      .map((words) => `${words.join(" ")}\n`)
      .join(""),
  );
  execFileSync("chown", ["-R", `${uid}:${uid}`, directory]);
  const words = ["-D", "-e", "-f", at("config")];
  const child: ChildProcess = spawn(
    "setpriv",
    [`--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", "--pdeathsig=KILL", sshd.program, ...words],
    { env: { PATH: "/usr/bin:/bin", LD_LIBRARY_PATH: sshd.libraries }, stdio: "ignore" },
  );
  return { port, key: at("user-key"), knownHosts: at("known"), close: () => void child.kill("SIGKILL") };
};

export type Sshd = { program: string; libraries: string };
