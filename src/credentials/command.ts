import { captureBytes, findProgram } from "../exec.ts";

const timeoutMs = 30_000;
const maxBytes = 64 * 1024;

export type CommandHost = { env: Record<string, string>; cwd: string };

/**
 * Runs a program of the user's own configuration and takes the first line that it prints. A text is for the shell, as
 * git and other tools have it. Undefined when there is nothing, it fails, or it takes longer than 30 seconds. Its
 * messages are not passed on: there may be a secret in them.
 */
export const askCommand = async (
  command: string | readonly string[],
  { env, cwd }: CommandHost,
): Promise<string | undefined> => {
  const [name = "", ...args] = typeof command === "string" ? ["/bin/sh", "-c", command] : command;
  const file = name.startsWith("/") ? name : findProgram(name, env["PATH"], cwd);
  if (file === undefined) return undefined;
  const printed = await captureBytes(file, args, { env, timeoutMs, maxBytes });
  const line = new TextDecoder().decode(printed).trimStart().split(/\r?\n/, 1)[0]!.trim();
  return line === "" ? undefined : line;
};
