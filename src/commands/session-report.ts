import type { Output } from "../cli/output.ts";
import type { Collection } from "../sessions/collect.ts";
import { tell } from "./notes.ts";

/** What a session holds after a run, in a line, and how it comes over. */
export const reportCollection = ({ session, collected, problems, notes }: Collection, out: Output): void => {
  for (const sentence of [...notes, ...problems]) tell(out, sentence);
  if (!collected || collected.commits + collected.files === 0) {
    const nothing = `session ${session.name}: nothing has changed`;
    tell(out, problems.length === 0 ? nothing : `it stays in session ${session.name}; \`cordon sessions\` looks again`);
    return;
  }
  const what = [
    count(collected.commits, "commit"),
    count(collected.files, "changed file"),
    ...(collected.work ? ["uncommitted work among them"] : []),
  ];
  tell(out, `session ${session.name}: ${what.join(", ")}`);
  tell(out, `\`cordon diff ${session.name}\` shows it, \`cordon merge ${session.name}\` brings it over`);
};

export const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? "" : "s"}`;
