import { askOnTerminal } from "../cli/ask.ts";
import { isGiven } from "../cli/given.ts";
import { projectFileName, readProjectFile, readUserSources } from "../config/load.ts";
import { wideningsOf } from "../config/resolve.ts";
import { isTrusted, recordTrust, revokeTrust } from "../config/trust.ts";
import { errorOf } from "../errors.ts";
import { escapeControls } from "../terminal/escape.ts";
import type { Context } from "./context.ts";

/**
 * `cordon trust [--yes|--revoke]`: shows the project's file and what it widens, asks once, and trusts the very bytes
 * that were shown. Exit status 1 when the answer was no.
 */
export const runTrust = async (context: Context, ask = askOnTerminal): Promise<number> => {
  const { host, out } = context;
  const { given } = context.invocation;
  const place = { state: host.places.state, project: host.project };
  if (isGiven(given, "revoke")) {
    out.line(revokeTrust(place) ? `${projectFileName} is no longer trusted here` : "nothing was trusted here");
    return 0;
  }
  const file = await readProjectFile(host);
  if (!file) throw errorOf("E_USAGE", `there is no ${projectFileName} here`, "change into the project's directory");
  const sources = await readUserSources(host);
  const projectFile = { values: file.values, label: file.label, trusted: false };
  const widenings = wideningsOf({ ...sources, projectFile });
  const isKnown = isTrusted(place, file.bytes);
  for (const line of new TextDecoder().decode(file.bytes).trimEnd().split(/\r?\n/)) out.line(escapeControls(line));
  out.line("");
  out.line(widenings.length ? `It asks for more than your own settings: ${widenings.join(", ")}` : "It only narrows.");
  if (isKnown) out.line("These bytes are trusted already.");
  else if (!isAgreed(context, ask)) {
    out.line("Not trusted.");
    return 1;
  } else {
    recordTrust(place, file.bytes);
    out.line("Trusted: these bytes, in this directory. Any change needs trust again.");
  }
  return 0;
};

const isAgreed = ({ invocation, host }: Context, ask: (question: string) => boolean): boolean => {
  if (isGiven(invocation.given, "yes")) return true;
  if (!host.tty.stdin || !host.tty.stdout)
    throw errorOf("E_USAGE", "trust needs somebody to answer, and there is no terminal", "`cordon trust --yes`");
  return ask("Trust these bytes?");
};
