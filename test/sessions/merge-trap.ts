import { spawnSync } from "node:child_process";
import fs from "node:fs";
import type { Host } from "../../src/host.ts";
import type { Lab } from "./merge-lab.ts";

export const realGit = spawnSync("sh", ["-c", "command -v git"]).stdout.toString().trim();

/**
 * A host whose git is a shell script. `$n` is the number of the call, `$words` its arguments, `$real` the real git
 * and `$user` the same as the user calls it; what the script does not end itself goes on to that.
 */
export const trapGit = (lab: Lab, script: string): Host => {
  fs.mkdirSync(lab.at("bin"), { recursive: true });
  const count = lab.at("count");
  fs.writeFileSync(count, "0\n");
  const text = `#!/bin/sh\nreal=${realGit}\nuser="env -i HOME=${lab.at("home")} ${realGit} -C ${lab.top}"\nn=$(($(cat ${count}) + 1))\necho $n > ${count}\nwords="$*"\n${script}\nexec $real "$@"\n`;
  fs.writeFileSync(lab.at("bin/git"), text, { mode: 0o755 });
  return { ...lab.host, env: { ...lab.env, PATH: `${lab.at("bin")}:${lab.env.PATH}` } };
};

/** How many calls there have been. */
export const countCalls = (lab: Lab): number => Number(fs.readFileSync(lab.at("count"), "utf8"));
