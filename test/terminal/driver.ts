import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isatty } from "node:tty";
import { openTerminal } from "../../src/terminal/pty.ts";
import { supervise, terminalFds } from "../../src/terminal/supervisor.ts";

/** A cordon with nothing but the terminal: runs its arguments in bubblewrap, whose own arguments come by a descriptor. */
const streams = { stdin: isatty(0), stdout: isatty(1), stderr: isatty(2) };
const directory = mkdtempSync(join(tmpdir(), "driver-"));
const file = join(directory, "args");
const mounts = "--ro-bind / / --dev /dev --proc /proc --unshare-pid --die-with-parent";
writeFileSync(file, `${mounts.split(" ").join("\0")}\0`);
const argsFd = openSync(file, "r");
rmSync(directory, { recursive: true });

const command = process.argv.slice(2);
const shell = process.env["SUPERVISOR_SHELL"]?.split(" ");
const inner = supervise(command, streams).flatMap((word, index) => (index === 2 && shell ? shell : [word]));
const session = openTerminal(streams);
const child = session.spawn("bwrap", ["--args", String(3 + terminalFds(streams)), ...inner], {
  env: process.env as Record<string, string>,
  cwd: process.cwd(),
  extraFds: [argsFd],
});
closeSync(argsFd);
process.on("uncaughtException", (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
if (process.env["DRIVER_FAILS"]) {
  setTimeout(() => {
    throw new Error("driver failed");
  }, 300);
}
const { code } = await child.exited;
if (process.env["DRIVER_RSS"]) writeFileSync(process.env["DRIVER_RSS"], String(process.resourceUsage().maxRSS));
process.exit(code ?? 1);
