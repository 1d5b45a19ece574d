import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

/**
 * Gives the number a name, with a home and a shell, in this world only: ssh, sshd and PostgreSQL ask for it. Must be called
 * inside `world.sh`, whose mounts nobody else sees.
 */
export const nameUser = (name: string, uid: number, directory: string, home = "/nonexistent"): void => {
  const others = fs
    .readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .filter((line) => line !== "" && line.split(":")[2] !== `${uid}`);
  const file = path.join(directory, "passwd");
  fs.writeFileSync(file, `${[...others, `${name}:x:${uid}:${uid}::${home}:/bin/sh`].join("\n")}\n`, {
    mode: 0o644,
  });
  execFileSync("mount", ["--bind", file, "/etc/passwd"]);
};
