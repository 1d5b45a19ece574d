import fs from "node:fs";
import path from "node:path";
import { largestFile, readSmallFile } from "../config/file.ts";
import { errorOf } from "../errors.ts";
import { isStill, tryLock } from "../file-lock.ts";
import type { Places } from "../places.ts";
import type { Rule } from "../policy.ts";
import { isProblem, parsePattern } from "./pattern.ts";

export type Verb = "allow" | "deny";
export type Scope = "project" | "always";
/** `pattern` is in its canonical spelling, `project` the project's resolved path. */
export type Change = { verb: Verb; pattern: string; scope: Scope; project: string };

type Lists = Record<Verb, string[]>;
type Stored = { version: 1; always: Lists; projects: Record<string, Lists> };

const lockMs = 5_000;

/** Where the rules stand that `cordon allow` and `cordon deny` keep. */
export const learnedFile = (places: Places): string => path.join(places.config, "rules.json");

export const originOf = (verb: Verb, scope: Scope | "running"): string => `cordon ${verb} --${scope}`;

/** The rules that hold for a project. Throws E_CONFIG_INVALID and E_CONFIG_UNREADABLE: no rule is passed over. */
export const readLearned = (places: Places, project: string): Record<Verb, Rule[]> => {
  const file = learnedFile(places);
  const stored = readStored(file);
  if (!stored) return { allow: [], deny: [] };
  const rulesOf = (verb: Verb): Rule[] =>
    (["project", "always"] as const).flatMap((scope) =>
      listsOf(stored, scope, project)[verb].map((value) => ({ value, origin: originOf(verb, scope) })),
    );
  const found = { allow: rulesOf("allow"), deny: rulesOf("deny") };
  for (const { value } of [...found.allow, ...found.deny]) {
    const pattern = parsePattern(value);
    if (isProblem(pattern)) throw broken(file, pattern.problem);
  }
  return found;
};

/** Keeps a rule, and drops its opposite in the same scope. False when it was kept already. Throws E_CONFIG_*. */
export const learn = (places: Places, { verb, pattern, scope, project }: Change): Promise<boolean> =>
  change(places, (stored) => {
    const lists = listsOf(stored, scope, project);
    const opposite = verb === "allow" ? "deny" : "allow";
    const isNew = !lists[verb].includes(pattern);
    const isOpposed = lists[opposite].includes(pattern);
    lists[opposite] = lists[opposite].filter((value) => value !== pattern);
    if (isNew) lists[verb].push(pattern);
    if (scope === "project") stored.projects[project] = lists;
    return isNew || isOpposed;
  });

/** Drops a rule. False when there was none. Throws E_CONFIG_*. */
export const forget = (places: Places, { verb, pattern, scope, project }: Change): Promise<boolean> =>
  change(places, (stored) => {
    const lists = listsOf(stored, scope, project);
    const isKnown = lists[verb].includes(pattern);
    lists[verb] = lists[verb].filter((value) => value !== pattern);
    if (lists.allow.length + lists.deny.length === 0 && scope === "project") delete stored.projects[project];
    return isKnown;
  });

const listsOf = (stored: Stored, scope: Scope, project: string): Lists => {
  if (scope === "always") return stored.always;
  return Object.hasOwn(stored.projects, project) ? stored.projects[project]! : { allow: [], deny: [] };
};

const change = async (places: Places, alter: (stored: Stored) => boolean): Promise<boolean> => {
  const file = learnedFile(places);
  try {
    fs.mkdirSync(places.config, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw errorOf("E_CONFIG_UNWRITABLE", file, (cause as Error).message);
  }
  const unlock = await lock(`${file}.lock`);
  try {
    const stored = readStored(file) ?? { version: 1, always: { allow: [], deny: [] }, projects: {} };
    const isChanged = alter(stored);
    if (isChanged) replace(file, `${JSON.stringify(stored, null, 2)}\n`);
    return isChanged;
  } finally {
    unlock();
  }
};

/** The file appears whole or not at all. Where the user keeps it elsewhere, the link to it stays. */
const replace = (file: string, text: string): void => {
  if (Buffer.byteLength(text) > largestFile)
    throw errorOf("E_CONFIG_UNWRITABLE", file, `there is room for ${largestFile / 1024} KiB of rules`);
  const isThere = fs.lstatSync(file, { throwIfNoEntry: false }) !== undefined;
  let draft: string | undefined;
  try {
    const target = isThere ? fs.realpathSync(file) : file;
    draft = `${target}.${crypto.randomUUID()}`;
    fs.writeFileSync(draft, text, { mode: 0o600, flag: "wx", flush: true });
    fs.renameSync(draft, target);
  } catch (cause) {
    if (draft !== undefined) fs.rmSync(draft, { force: true });
    throw errorOf("E_CONFIG_UNWRITABLE", file, (cause as Error).message);
  }
};

/** Lets one process at a time in; the lock of one that has died is free. Whoever is done takes the file away. */
const lock = async (file: string): Promise<() => void> => {
  for (const end = performance.now() + lockMs; ; await Bun.sleep(10)) {
    let fd: number;
    try {
      fd = fs.openSync(file, fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_NOFOLLOW, 0o600);
    } catch (cause) {
      throw errorOf("E_CONFIG_UNWRITABLE", file, (cause as Error).message);
    }
    if (tryLock(fd) && isStill(file, fd))
      return () => {
        fs.rmSync(file, { force: true });
        fs.closeSync(fd);
      };
    fs.closeSync(fd);
    if (performance.now() > end) throw errorOf("E_CONFIG_UNWRITABLE", file, "another cordon holds its lock");
  }
};

/** Undefined when there is no such file, at the cost of one call. */
const readStored = (file: string): Stored | undefined => {
  const bytes = readSmallFile(file, { label: file, followLinks: true });
  if (!bytes) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw broken(file, (cause as Error).message);
  }
  if (!isObject(value)) throw broken(file, "it is no object");
  if (value["version"] !== 1) {
    const version = JSON.stringify(value["version"]) ?? "none";
    throw errorOf("E_CONFIG_INVALID", file, `its version is ${version}, and this cordon knows 1`, "update cordon");
  }
  if (!isStored(value)) throw broken(file, "`always` or `projects` is not made of lists of patterns");
  return value;
};

const broken = (file: string, problem: string): Error =>
  errorOf("E_CONFIG_INVALID", file, problem, "repair the file, or remove it and its rules with it");

const isStored = (value: Record<string, unknown>): value is Stored =>
  isLists(value["always"]) && isObject(value["projects"]) && Object.values(value["projects"]).every(isLists);

const isLists = (value: unknown): value is Lists => isObject(value) && [value["allow"], value["deny"]].every(isTexts);

const isTexts = (value: unknown): boolean =>
  Array.isArray(value) && value.every((text) => typeof text === "string" && text !== "");

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
