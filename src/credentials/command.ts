import { captureBytes, findProgram } from "../exec.ts";

const timeoutMs = 30_000;
const maxBytes = 64 * 1024;

export type CommandHost = { env: Record<string, string>; cwd: string };

/**
 * Runs a program of the user's own configuration and takes what it prints. A text is for the shell, as git and other
 * tools have it. Undefined when there is nothing, it fails, or it takes longer than 30 seconds. Its messages are not
 * passed on: there may be a secret in them.
 */
export const askProgram = async (
  command: string | readonly string[],
  { env, cwd }: CommandHost,
): Promise<Uint8Array | undefined> => {
  const [name = "", ...args] = typeof command === "string" ? ["/bin/sh", "-c", command] : command;
  const file = name.startsWith("/") ? name : findProgram(name, env["PATH"], cwd);
  if (file === undefined) return undefined;
  const printed = await captureBytes(file, args, { env, timeoutMs, maxBytes });
  return printed && printed.length > 0 ? printed : undefined;
};

/** The first line of what such a program prints, without the space around it; undefined as above. */
export const askCommand = async (
  command: string | readonly string[],
  host: CommandHost,
): Promise<string | undefined> => {
  const line = new TextDecoder()
    .decode(await askProgram(command, host))
    .trimStart()
    .split(/\r?\n/, 1)[0]!
    .trim();
  return line === "" ? undefined : line;
};
