import { cacheModes, notifyWays } from "../config/values.ts";
import type { Flag } from "./flags.ts";

/** What of the files is inside, how a project is made ready, and how its user hears of it. */
export const projectFlags: readonly Flag[] = [
  {
    long: "add-dir",
    kind: "path",
    placeholder: "PATH[:ro]",
    repeatable: true,
    key: "filesystem.write",
    group: "Files",
    help: "another directory inside, writable; `:ro` makes it read-only",
  },
  {
    long: "allow-readonly",
    kind: "path",
    placeholder: "PATH",
    repeatable: true,
    key: "filesystem.read",
    group: "Files",
    help: "another path inside, read-only",
  },
  {
    long: "deny-path",
    kind: "path",
    placeholder: "PATH",
    repeatable: true,
    key: "filesystem.hide",
    group: "Files",
    help: "hide a path; wins except over a more specific allowance",
  },
  {
    long: "hide-secrets",
    kind: "switch",
    key: "filesystem.hide-secrets",
    group: "Files",
    help: "hide files of the project that hold secrets by their names (.env, keys, …)",
  },
  {
    long: "caches",
    kind: "choice",
    placeholder: "MODE",
    choices: cacheModes,
    key: "caches",
    group: "Files",
    help: "this machine's package caches: shared (read inside, never written) or private",
  },
  {
    long: "setup",
    kind: "text",
    placeholder: "COMMAND",
    key: "setup",
    group: "Agent",
    help: "run this inside first, unless nothing has changed since it last succeeded",
  },
  { long: "no-setup", kind: "switch", group: "Agent", help: "leave the configured setup out" },
  {
    long: "notify",
    kind: "choice",
    placeholder: "HOW",
    choices: notifyWays,
    repeatable: true,
    key: "notify.by",
    group: "General",
    help: "say that the agent waits or has ended: bell, desktop",
  },
  { long: "no-notify", kind: "switch", group: "General", help: "leave the configured notifications out" },
];
