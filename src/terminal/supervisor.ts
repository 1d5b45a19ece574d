import type { Streams } from "../launch.ts";

/**
 * What runs as process group leader *inside* the sandbox: a constant POSIX script (dash, bash and busybox read it alike).
 *
 * - Job control puts the command into the foreground group of the private terminal, so that ^C and ^Z reach it alone.
 * - fd 3 is a socket to cordon: a line says that the command has stopped, a line back continues it. fd 4 is the command's
 *   stdin, because `setsid -c` needs the terminal on fd 0.
 * - `again` calls itself where a loop would be shorter: bash leaves a loop when a job stops inside it.
 * - The shell's own remarks ("Stopped", "Killed") are not the command's output. Its stderr must be the terminal all the same, because
 *   bash steers the terminal by fd 2: so it is the terminal opened for reading.
 * - The command holds none of these descriptors; were it to forge a `stop`, it would only stop the cordon that runs it.
 */
const SCRIPT = `set -m
exec 9>&2 2</dev/tty
again() {
  kill -0 %% || exit "$status"
  echo stop >&3
  read -r line <&3 || exit 129
  fg >/dev/null
  status=$?
  again
}
(exec "$@" <&4 2>&9 3>&- 4<&- 9>&-)
status=$?
again
`;

/** How many descriptors, from 3 upwards, the supervisor takes for itself; the caller's own are numbered behind them. */
export const terminalFds = ({ stdin, stdout, stderr }: Streams): number => (stdin || stdout || stderr ? 2 : 0);

/** Wraps the innermost command of a sandbox; `setsid` with `-c` and `sh` must exist inside. Without a terminal it stays as it is. */
export const supervise = (argv: readonly string[], streams: Streams): string[] =>
  terminalFds(streams) === 0 ? [...argv] : ["setsid", "-c", "sh", "-c", SCRIPT, "cordon", ...argv];
