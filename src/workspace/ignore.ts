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
  const named = settings.findLast(({ key }) => key === "core.excludesfile")?.value;
  const usual = path.join(host.env["XDG_CONFIG_HOME"] || path.join(host.home, ".config"), "git/ignore");
  const file = named === undefined ? usual : path.resolve(host.home, named.replace(/^~\//, `${host.home}/`));
  const own = readSmall(file);
  const rules = hidden.filter((target) => isWithin(target, host.project) && target !== host.project);
  if (own === undefined && rules.length === 0) return undefined;
  const lines = rules.map((target) => `/${escapePattern(path.relative(host.project, target))}\n`).join("");
  return Buffer.concat([own ?? new Uint8Array(), Buffer.from(`\n${lines}`)]);
};

const escapePattern = (name: string): string => name.replace(/[\\*?[\]!#]/g, "\\$&").replace(/ $/, "\\ ");

const readSmall = (file: string): Uint8Array | undefined => {
  const stat = fs.statSync(file, { throwIfNoEntry: false });
  return stat?.isFile() && stat.size <= mostBytes ? fs.readFileSync(file) : undefined;
};
