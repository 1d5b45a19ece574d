import fs from "node:fs";
import path from "node:path";
import type { Host } from "../host.ts";
import { isWithin } from "../places.ts";
import type { GitSetting } from "./git-settings.ts";

const mostBytes = 1024 * 1024;

/**
 * What git inside does not see: what the user ignores everywhere, and what of the project is hidden, because git stops
 * at a file that it can neither add nor leave alone. Undefined when there is nothing of that.
 */
export const composeIgnore = (host: Host, settings: GitSetting[], hidden: string[]): Uint8Array | undefined => {
  const own = readSmall(path.resolve(host.home, excludesPlace(host, settings)));
  const rules = hidden.filter((target) => isWithin(target, host.project) && target !== host.project);
  if (own === undefined && rules.length === 0) return undefined;
  const lines = rules.map((target) => `/${escapePattern(path.relative(host.project, target))}\n`).join("");
  return Buffer.concat([own ?? new Uint8Array(), Buffer.from(`\n${lines}`)]);
};

/** The file with what the user ignores everywhere (gitignore(5)), by these settings or at its usual place. */
export const excludesPlace = ({ home, env }: Host, settings: GitSetting[]): string => {
  const named = settings.findLast(({ key }) => key === "core.excludesfile")?.value;
  const usual = path.join(env["XDG_CONFIG_HOME"] || path.join(home, ".config"), "git/ignore");
  return (named ?? usual).replace(/^~(?=\/)/, home);
};

const escapePattern = (name: string): string => name.replace(/[\\*?[\]!#]/g, "\\$&").replace(/ $/, "\\ ");

/** What cannot be read is passed over, as git does. */
const readSmall = (file: string): Uint8Array | undefined => {
  try {
    const stat = fs.statSync(file);
    return stat.isFile() && stat.size <= mostBytes ? fs.readFileSync(file) : undefined;
  } catch {
    return undefined;
  }
};
