import type { CommandFunction } from "./context.ts";
import { run } from "./run.ts";

/** Commands that are no run are loaded when they are asked for. */
const commands: Record<string, () => Promise<CommandFunction> | CommandFunction> = {
  agent: () => run,
  run: () => run,
  shell: () => run,
  allow: async () => (await import("./allow.ts")).runAllow,
  "backup-creds": async () => (await import("./creds.ts")).runBackup,
  clean: async () => (await import("./clean.ts")).runClean,
  completions: async () => (await import("./help.ts")).runCompletions,
  config: async () => (await import("./config.ts")).runConfig,
  cp: async () => (await import("./cp.ts")).runCp,
  creds: async () => (await import("./creds.ts")).runCreds,
  diff: async () => (await import("./diff.ts")).runDiff,
  discard: async () => (await import("./discard.ts")).runDiscard,
  deny: async () => (await import("./deny.ts")).runDeny,
  doctor: async () => (await import("./doctor.ts")).runDoctor,
  exec: async () => (await import("./exec.ts")).runExec,
  help: async () => (await import("./help.ts")).runHelp,
  log: async () => (await import("./log.ts")).runLog,
  login: async () => (await import("./login.ts")).runLogin,
  man: async () => (await import("./help.ts")).runMan,
  merge: async () => (await import("./merge.ts")).runMerge,
  policy: async () => (await import("./policy.ts")).runPolicy,
  ps: async () => (await import("./ps.ts")).runPs,
  publish: async () => (await import("./publish.ts")).runPublish,
  rename: async () => (await import("./rename.ts")).runRename,
  resume: async () => (await import("./resume.ts")).runResume,
  sessions: async () => (await import("./sessions.ts")).runSessions,
  "restore-creds": async () => (await import("./creds.ts")).runRestore,
  stop: async () => (await import("./stop.ts")).runStop,
  sync: async () => (await import("./sync.ts")).runSync,
  token: async () => (await import("./token.ts")).runToken,
  trust: async () => (await import("./trust.ts")).runTrust,
  version: async () => (await import("./help.ts")).runVersion,
};

/** The function behind a word of the command table. Every built command has one; a test compares the two tables. */
export const loadCommand = async (name: string): Promise<CommandFunction> => await commands[name]!();

export const commandNames = Object.keys(commands);
