import type { GitSetting } from "./git-settings.ts";
import { carriedSettings } from "./private-config.ts";

/**
 * What may stay in the configuration of a repository that an agent has made, once the host's git reads it: no value
 * starts a program, leads git into another directory, or weakens its checks (git-config(1)).
 */

/** `isOwnTree` says whether a value of `core.worktree` stays within the repository's own working tree. */
export const harmlessSettings = (settings: GitSetting[], isOwnTree: (value: string) => boolean): GitSetting[] => {
  // What does not even come into a private directory, where it would run inside, does not stay here.
  const carried = new Set(carriedSettings(settings, () => false).map(({ key }) => key));
  const local = new Set(settings.filter(isLocalRemote).map(({ key }) => sectionOf(key)));
  return settings.filter(
    (setting) =>
      (carried.has(setting.key) || kept.includes(setting.key)) &&
      !local.has(sectionOf(setting.key)) &&
      !isDangerous(setting, isOwnTree),
  );
};

/** Formats of the repository itself: without them it cannot be read. */
const kept = ["extensions.refstorage", "extensions.compatobjectformat"];

const isDangerous = ({ key, value = "" }: GitSetting, isOwnTree: (value: string) => boolean): boolean => {
  const [section, name] = [key.slice(0, key.indexOf(".")), key.slice(key.lastIndexOf(".") + 1)];
  const hasSubsection = key.indexOf(".") !== key.lastIndexOf(".");
  switch (section) {
    case "filter":
    case "alias":
    case "blame":
      return true;
    case "core":
      return name === "worktree" ? !isOwnTree(value) : name.startsWith("protect");
    // Drivers and tools are programs; an order file is any file of the host's.
    case "diff":
    case "merge":
      return hasSubsection || ["external", "tool", "guitool", "orderfile"].includes(name);
    // Strategies and their options name programs: git-merge-NAME.
    case "pull":
      return name === "twohead" || name === "octopus";
    case "branch":
      return name === "mergeoptions";
    case "submodule":
      return name === "update" && !["checkout", "rebase", "merge", "none"].includes(value);
    default:
      return key.startsWith("fetch.bundle");
  }
};

/** What is fetched from or pushed to on this machine may be of the agent's making as well, and has hooks of its own. */
const isLocalRemote = ({ key, value = "" }: GitSetting): boolean =>
  key.startsWith("remote.") &&
  (key.endsWith(".url") || key.endsWith(".pushurl")) &&
  !/^(https?|ssh|git|git\+ssh|ssh\+git):\/\/[^-/]/i.test(value) &&
  !/^[a-z0-9_.][^/:\s]*:(?!:|-|\/\/)./i.test(value);

const sectionOf = (key: string): string => key.slice(0, key.lastIndexOf("."));
