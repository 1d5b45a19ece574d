import path from "node:path";
import { type Host, inspectPath } from "../../host.ts";
import { isWithin } from "../../places.ts";
import { type GitCall, listUserSettings } from "../../workspace/git.ts";
import type { GitSetting } from "../../workspace/git-settings.ts";
import type { Person } from "./commit.ts";

/** What the user's own git settings say about commits and files. Everything else in them stays out of a merge. */
export type MergeSettings = {
  author: Person | undefined;
  committer: Person | undefined;
  /** The user's git signs every commit. */
  signs: boolean;
  /** Each `name=value`: how git signs. One of them may name a program. */
  signing: string[];
  /** What the user's git would start in order to sign, when a setting names it. */
  signers: string[];
  /** Each `name=value`: line ends and what else says how a file becomes bytes in a tree. */
  conversion: string[];
};

const signingKeys = [
  ...["user.signingkey", "gpg.format", "gpg.program", "gpg.openpgp.program", "gpg.x509.program"],
  ...["gpg.ssh.program", "gpg.ssh.defaultkeycommand"],
];

const conversionKeys = [
  ...["core.autocrlf", "core.eol", "core.filemode", "core.symlinks", "core.ignorecase", "core.precomposeunicode"],
  ...["core.protecthfs", "core.protectntfs"],
];

/** Reads them. Throws when git cannot. */
export const readMergeSettings = async (host: Host, call: GitCall): Promise<MergeSettings> => {
  const all = await listUserSettings(host, call);
  if (!all) throw new Error("your git settings cannot be read: `git config --list` says why");
  const value = (key: string) => all.findLast((setting) => setting.key === key)?.value;
  const person = (role: "author" | "committer"): Person | undefined => {
    const variable = (name: string) => host.env[`GIT_${role.toUpperCase()}_${name}`];
    const name = variable("NAME") || value(`${role}.name`) || value("user.name");
    const email = variable("EMAIL") || value(`${role}.email`) || value("user.email") || host.env["EMAIL"];
    return name && email ? { name, email } : undefined;
  };
  return {
    author: person("author"),
    committer: person("committer"),
    signs: isTrue(all.findLast(({ key }) => key === "commit.gpgsign")),
    signing: carry(all, signingKeys),
    signers: signingKeys.flatMap((key) => (/program|command/.test(key) ? (value(key) ?? []) : [])),
    conversion: [...carry(all, conversionKeys), ...attributesOf(host, value("core.attributesfile"))],
  };
};

/** A key without a value is true (git-config(1), boolean). */
const isTrue = (setting: GitSetting | undefined): boolean =>
  setting !== undefined && /^(true|yes|on|[1-9]\d*)$/i.test(setting.value ?? "true");

const carry = (all: GitSetting[], keys: string[]): string[] =>
  keys.flatMap((key) => {
    const found = all.findLast((setting) => setting.key === key);
    return found ? [`${key}=${found.value ?? "true"}`] : [];
  });

/** The user's own attributes for every repository (gitattributes(5)). */
const attributesOf = ({ home, env }: Host, set: string | undefined): string[] => {
  const folder = env["XDG_CONFIG_HOME"] || path.join(home, ".config");
  const file = set === undefined ? path.join(folder, "git/attributes") : set.replace(/^~(?=\/)/, home);
  return path.isAbsolute(file) && inspectPath(file).kind === "file" ? [`core.attributesFile=${file}`] : [];
};

/**
 * The environment of the one call in which git starts a program of the user's: the user's own, without what steers git
 * itself, and without directories on the path that a project could fill.
 */
export const signingEnvironment = ({ env, home }: Host, top: string): Record<string, string> => {
  const own = Object.entries(env).filter(([name]) => !/^(GIT_|LD_|BUN_|NODE_)/.test(name));
  const folders = (env["PATH"] ?? "").split(":").filter((folder) => path.isAbsolute(folder));
  const outside = folders.filter((folder) => ![folder, inspectPath(folder).real].some((one) => isWithin(one, top)));
  return { ...Object.fromEntries(own), HOME: home, ...(outside.length > 0 && { PATH: outside.join(":") }) };
};
