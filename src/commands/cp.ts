import path from "node:path";
import { isGiven } from "../cli/given.ts";
import { errorOf } from "../errors.ts";
import { copyIn, copyOut } from "../run/copy.ts";
import { findRun } from "../run/registry.ts";
import type { CommandFunction } from "./context.ts";

/** `cordon cp ID:PATH TARGET`, `cordon cp SOURCE ID:PATH`: files out of a running sandbox, or into it. */
export const runCp: CommandFunction = async ({ host, invocation, out }) => {
  const [source = "", target = ""] = invocation.words;
  const [from, to] = [parseSide(source), parseSide(target)];
  if ((from.id === undefined) === (to.id === undefined))
    throw errorOf(
      "E_USAGE",
      "one of the two is a path inside, and starts with the sandbox's id",
      "`cordon cp ID:PATH TARGET`, `cordon cp SOURCE ID:PATH`",
    );
  const run = findRun(host.places, (from.id ?? to.id)!);
  const within = ({ name }: Side) => path.posix.resolve(run.project, name);
  const outside = (side: Side) => path.resolve(host.cwd, side.name);
  let place = within(to);
  if (from.id !== undefined) place = await copyOut(host, run, within(from), outside(to));
  else await copyIn(host, run, outside(from), place);
  if (isGiven(invocation.given, "json")) out.json({ from: source, to: to.id === undefined ? place : target });
  return 0;
};

type Side = { id: string | undefined; name: string };

/** A colon behind a slash is part of a name. */
const parseSide = (word: string): Side => {
  const [, id, name] = /^([^/:]+):(.*)$/s.exec(word) ?? [];
  return id === undefined ? { id: undefined, name: word } : { id, name: name! || "." };
};
