import path from "node:path";
import { agentNames, findAgent } from "../agents/registry.ts";
import { askOnTerminal } from "../cli/ask.ts";
import { isGiven } from "../cli/given.ts";
import {
  type Holding,
  holdingsOf,
  latestBackup,
  planRestore,
  readBackup,
  readHoldings,
  restore,
  type Step,
  writeBackup,
} from "../credentials/backup.ts";
import { errorOf } from "../errors.ts";
import { escapeControls } from "../terminal/escape.ts";
import type { CommandFunction, Context } from "./context.ts";

/** `cordon creds backup|restore [FILE]` */
export const runCreds: CommandFunction = async (context) => {
  const [verb = "", ...words] = context.invocation.words;
  const inner = { ...context, invocation: { ...context.invocation, words } };
  if (verb === "backup") return runBackup(inner);
  if (verb === "restore") return runRestore(inner);
  throw errorOf("E_USAGE", `\`cordon creds\` cannot \`${verb}\``, "`cordon creds backup|restore [FILE]`");
};

/** `cordon creds backup [FILE]`: every credential that an agent, or cordon for it, keeps. */
export const runBackup: CommandFunction = async (context) => {
  const { host, invocation, out } = context;
  const saved = await readHoldings(await holdings(context));
  if (saved.length === 0) throw errorOf("E_CREDENTIAL_MISSING", "any agent", "`cordon login` signs in");
  for (const { agent, label } of saved) out.line(escapeControls(`${agent}  ${label}`));
  if (isGiven(invocation.given, "dry-run")) return 0;
  const [word] = invocation.words;
  const file = writeBackup(host.places, saved, word === undefined ? {} : { file: path.resolve(host.cwd, word) });
  out.line(escapeControls(`backed up to ${file}`));
  return 0;
};

const words: Record<Step["verdict"], string> = {
  same: "unchanged",
  missing: "put back",
  replace: "put back in place of an older one",
  newer: "newer or changed since: left as it is",
};

/**
 * `cordon creds restore [FILE]`: the latest backup unless told otherwise. What it replaces is backed up first; a login
 * that is newer, or another, stays unless it is forced. Exit status 1 when the answer was no.
 */
export const runRestore: CommandFunction = async (context) => {
  const { host, invocation, out } = context;
  const isForced = isGiven(invocation.given, "force");
  const [word] = invocation.words;
  const file = word === undefined ? latestBackup(host.places) : path.resolve(host.cwd, word);
  if (file === undefined) throw errorOf("E_BACKUP_INVALID", "cordon creds restore", "there is no backup yet");
  const backup = readBackup(file);
  const { steps, homeless } = await planRestore(backup, await holdings(context));
  out.line(escapeControls(`from ${file}, of ${backup.createdAt}`));
  for (const { saved, verdict } of steps) {
    const what = isForced && verdict === "newer" ? "replaced, though newer or changed since" : words[verdict];
    out.line(escapeControls(`${saved.agent}  ${saved.label}: ${what}`));
  }
  for (const { agent, label } of homeless) out.line(escapeControls(`${agent}  ${label}: no agent here keeps it there`));
  const chosen = steps.filter(({ verdict }) => verdict !== "same" && (isForced || verdict !== "newer"));
  const left = steps.filter(({ verdict }) => !isForced && verdict === "newer");
  if (isGiven(invocation.given, "dry-run")) return 0;
  if (chosen.length > 0) {
    if (!isAgreed(context)) return 1;
    await carryOut(context, chosen);
  }
  if (left.length > 0) throw errorOf("E_CREDENTIAL_CHANGED", left.map(({ saved }) => saved.label).join(", "));
  return 0;
};

const carryOut = async ({ host, out }: Context, steps: readonly Step[]): Promise<void> => {
  const replaced = steps.flatMap(({ saved, standing: text }) => (text === undefined ? [] : [{ ...saved, text }]));
  if (replaced.length > 0) {
    const kept = writeBackup(host.places, replaced, { kind: "replaced" });
    out.line(escapeControls(`what stood there is in ${kept}`));
  }
  const missed: string[] = [];
  for (const step of steps) if (!(await restore(step))) missed.push(step.saved.label);
  if (missed.length > 0) throw errorOf("E_CREDENTIAL_CHANGED", missed.join(", "));
  out.line(`restored: ${steps.length}`);
};

const holdings = async ({ host, config }: Context): Promise<Holding[]> => {
  if (host.env["CORDON_SANDBOX"]) throw errorOf("E_SANDBOX_NESTED");
  const settings = await config();
  return holdingsOf(
    agentNames(settings).map((name) => findAgent(name, settings)),
    host,
  );
};

const isAgreed = ({ host, invocation }: Context): boolean => {
  if (isGiven(invocation.given, "yes")) return true;
  if (!host.tty.stdin || !host.tty.stdout)
    throw errorOf("E_USAGE", "restoring needs somebody to answer, and there is no terminal", "add `--yes`");
  return askOnTerminal("Put these back?");
};
