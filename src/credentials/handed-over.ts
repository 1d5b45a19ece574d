import fs from "node:fs";
import type { Agent } from "../agents/agent.ts";
import { errorOf } from "../errors.ts";
import type { KeptToken } from "./kept.ts";
import { isSigning, providerOf } from "./providers.ts";

const longest = 16 * 1024;

/** The one token on the input. Throws E_TOKEN_INVALID. */
export const readToken = (descriptor = 0): string => {
  const buffer = new Uint8Array(longest + 1);
  let length = 0;
  for (let count = -1; count !== 0 && length < buffer.length; length += count)
    count = fs.readSync(descriptor, buffer, length, buffer.length - length, null);
  const token = new TextDecoder().decode(buffer.subarray(0, length)).trim();
  const problem =
    token === ""
      ? "there is nothing"
      : length > longest
        ? `it is longer than ${longest / 1024} KiB`
        : /^[\x21-\x7e]+$/.test(token)
          ? undefined
          : "it has spaces, several lines or unusual characters";
  if (problem !== undefined)
    throw errorOf("E_TOKEN_INVALID", problem, "`cordon login AGENT --with-token < FILE`, with the token alone in it");
  return token;
};

/**
 * The variable of the agent's that a token belongs in: the one that is asked for, or the one whose tokens begin as this one
 * does. Throws E_TOKEN_INVALID when that cannot be told.
 */
export const placeToken = (agent: Agent, value: string, asked: string | undefined): KeptToken => {
  const known = agent.keys.filter((name) => !isSigning(name) && providerOf(name) !== undefined);
  const oneOf = `\`--as NAME\` says which variable it belongs in: ${known.join(", ")}`;
  if (asked !== undefined) {
    if (known.includes(asked)) return { variable: asked, value };
    throw errorOf("E_TOKEN_INVALID", `${agent.name} takes none in the variable ${asked}`, oneOf);
  }
  const prefixes = known.map((name) => providerOf(name)!.prefix).filter((prefix) => value.startsWith(prefix));
  const best = Math.max(-1, ...prefixes.map((prefix) => prefix.length));
  const fitting = known.filter((name) => isMeant(name, value, best));
  const servers = new Set(fitting.map((name) => providerOf(name)!.hosts[0]));
  if (fitting[0] === undefined || servers.size > 1)
    throw errorOf("E_TOKEN_INVALID", `its beginning does not tell whose it is`, oneOf);
  return { variable: fitting[0], value };
};

const isMeant = (name: string, value: string, length: number): boolean => {
  const { prefix } = providerOf(name)!;
  return prefix.length === length && value.startsWith(prefix);
};
