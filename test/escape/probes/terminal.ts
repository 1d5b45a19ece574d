import { closeSync, constants, openSync, writeFileSync } from "node:fs";
import { type Facts, held, judge, type Probe } from "../facts.ts";
import { attempt } from "../reach.ts";
import { call } from "../syscall.ts";

const TIOCSTI = 0x5412n;
const TIOCLINUX = 0x541cn;
/** The kernel looks at the low 32 bits only; a filter that compares all 64 lets these pass. */
const HIGH_BITS = 1n << 32n;

const openTerminal = (path: string): number | undefined =>
  attempt(() => openSync(path, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK));

/** Only the terminal that the probe was given: a real console must not get a key stroke, not even without a boundary. */
function pushBack(command: bigint): (string | false)[] {
  const controlling = openTerminal("/dev/tty");
  const terminals = [0, 1, 2, ...(controlling === undefined ? [] : [controlling])];
  const ways = terminals.map(
    (fd) => call("ioctl", fd, command, Buffer.from(" ")).error === "" && `typed into descriptor ${fd}`,
  );
  if (controlling !== undefined) closeSync(controlling);
  return ways;
}

/** Asks a console for the state of its shift keys: harmless, and admitted wherever pasting is. */
function askConsole(command: bigint, path: string): string | false {
  const SHIFT_STATE = 6;
  const fd = openTerminal(path);
  if (fd === undefined) return false;
  const { error } = call("ioctl", fd, command, Buffer.from([SHIFT_STATE, 0, 0, 0]));
  closeSync(fd);
  return error === "" && `TIOCLINUX on ${path}`;
}

const marker = (facts: Facts): string => `escape-terminal-${facts.token}`;

export const terminalProbes: Probe[] = [
  {
    id: "KI-01",
    attack: "type into the user's shell with TIOCSTI",
    terminal: true,
    attempt: () => judge(pushBack(TIOCSTI)),
  },
  {
    id: "KI-02",
    attack: "the same with high bits set, or by TIOCLINUX",
    terminal: true,
    attempt() {
      const consoles = ["/dev/tty", "/dev/console", "/dev/tty0", "/dev/tty1"];
      return judge([
        ...pushBack(TIOCSTI | HIGH_BITS),
        ...consoles.flatMap((path) => [askConsole(TIOCLINUX, path), askConsole(TIOCLINUX | HIGH_BITS, path)]),
      ]);
    },
  },
  {
    id: "KI-04",
    attack: "write to another terminal, or read the text of a console",
    attempt(facts) {
      attempt(() => writeFileSync(facts.terminal, marker(facts), { flag: "r+" }));
      const consoles = ["/dev/vcs", "/dev/vcs1", "/dev/vcsa1", "/dev/vcsu1"].map((path) =>
        attempt(() => closeSync(openSync(path, "r")) ?? `${path} can be read`),
      );
      const outcome = judge(consoles);
      return outcome.verdict === "breached" ? outcome : held("the terminal is judged on the host");
    },
    inspect: (facts, host) =>
      host.terminalOutput().includes(marker(facts)) ? "text appeared on the host's terminal" : undefined,
  },
];
