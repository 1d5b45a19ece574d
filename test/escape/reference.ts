import { existsSync, lstatSync, readlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { compileSeccomp } from "../../src/backends/seccomp.ts";
import type { RunInside } from "./escape.ts";
import { runCommand } from "./spawn.ts";

/** Closes what the parent left open, then opens the filter as descriptor 3 and bwrap's own arguments as 4. */
const launcher = 'ulimit -c 0; exec 3<&- 4<&- 5<&- 6<&-; exec 3<"$1" 4<"$2"; shift 2; exec env -i "$@"';

const platform = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc", "/opt"].flatMap((path) => {
  if (!existsSync(path)) return [];
  return lstatSync(path).isSymbolicLink() ? ["--symlink", readlinkSync(path), path] : ["--ro-bind", path, path];
});

/** Files of /proc that root of the host may read without any capability; /proc/keys anyone. */
const masked = ["keys", "timer_list", "slabinfo", "vmallocinfo", "kpageflags", "kpagecount", "kpagecgroup"].flatMap(
  (name) => (existsSync(`/proc/${name}`) ? ["--ro-bind", "/dev/null", `/proc/${name}`] : []),
);

/** A strict bwrap command line by hand: what the suite is developed against, independent of any backend. */
export const runReference: RunInside = (argv, ground, terminal) => {
  const { facts, env, lower, leaks } = ground;
  const filter = join(dirname(facts.home), "filter");
  const arch = process.arch as "x64" | "arm64";
  writeFileSync(filter, compileSeccomp({ arch, allowUserns: false, groupIsRoot: true }));
  const sandbox = [
    ...["--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session"],
    ...["--cap-drop", "ALL", "--seccomp", "3", "--setenv", "HOME", facts.home],
    ...platform,
    ...["--dev", "/dev", "--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys", ...masked],
    ...["--tmpfs", "/tmp", "--tmpfs", "/var/tmp", "--tmpfs", "/run", "--tmpfs", facts.home],
    ...["--ro-bind", facts.kit, facts.kit, "--bind", facts.workspace, facts.workspace, "--chdir", facts.workspace],
  ];
  const options = join(dirname(facts.home), "options");
  writeFileSync(options, sandbox.join("\0"));
  const bwrap = [`PATH=${env["PATH"]}`, "bwrap", "--args", "4", "--", ...argv];
  return runCommand({
    argv: [...lower, "sh", "-c", launcher, "sh", filter, options, ...bwrap],
    env,
    cwd: facts.workspace,
    leaks,
    terminal,
  });
};
