import type { Given } from "../cli/given.ts";
import { isGiven } from "../cli/given.ts";
import { forget, learn, originOf, readLearned, type Scope, type Verb } from "../egress/learned.ts";
import { formatPattern, isProblem, parsePattern } from "../egress/pattern.ts";
import { errorOf } from "../errors.ts";
import type { Host } from "../host.ts";
import { isWithin } from "../places.ts";
import { type Answer, askControl, type Request } from "../run/control.ts";
import { controlSocket, findRun, listRuns, type Run } from "../run/registry.ts";
import { escapeControls } from "../terminal/escape.ts";
import type { CommandFunction, Context } from "./context.ts";

/** `cordon allow PATTERN… [--running|--project|--always] [--remove] [--run ID]`: acts on running sandboxes at once. */
export const runAllow: CommandFunction = (context) => changeRules("allow", context);

const answerMs = 10_000;
const scopes = ["running", "project", "always"] as const;

type Wanted = {
  verb: Verb;
  scope: Scope | "running";
  remove: boolean;
  /** The project's path, for `--project`. */
  project: string;
  runs: Run[];
};

/**
 * Exit status 1 when a rule is kept and a running sandbox did not take it. Throws E_OPTION_INVALID before anything is
 * changed when one of the patterns is none, E_RUN_NONE and E_RUN_REFUSES when there is nothing else to change.
 */
export const changeRules = async (verb: Verb, context: Context): Promise<number> => {
  const { host, invocation, out } = context;
  if (host.env["CORDON_SANDBOX"]) throw errorOf("E_SANDBOX_NESTED");
  const scope = readScope(invocation.given);
  const patterns = [...new Set(invocation.words.map(readPattern))];
  const project = findProject(host);
  const runs = coveredRuns(host, invocation.given, scope, project);
  const wanted: Wanted = { verb, scope, remove: isGiven(invocation.given, "remove"), project, runs };
  const refusals: Refusal[] = [];
  for (const pattern of patterns) refusals.push(...(await changeRule(pattern, wanted, context)));
  const [first] = refusals;
  if (!first) return 0;
  if (scope === "running" && refusals.length === 1) throw errorOf("E_RUN_REFUSES", first.id, first.problem);
  for (const { id, problem } of refusals) out.note(escapeControls(`cordon: sandbox ${id}: ${problem}`));
  return scope === "running" ? 125 : 1;
};

type Refusal = { id: string; problem: string };

const changeRule = async (pattern: string, wanted: Wanted, { host, out }: Context): Promise<Refusal[]> => {
  const { verb, scope, remove, project, runs } = wanted;
  const isChanged =
    scope === "running" || (await (remove ? forget : learn)(host.places, { verb, pattern, scope, project }));
  const request: Request = { verb, pattern, remove, origin: originOf(verb, scope) };
  const told = await Promise.all(runs.map(async (run) => ({ run, answer: await tellRun(run, host, request) })));
  const taken = told.filter(({ answer }) => answer.ok);
  if (scope !== "running" || taken.length > 0)
    out.line(escapeControls(describe(pattern, wanted, isChanged, taken.length)));
  if (scope !== "running" && !remove) noteOpposite(pattern, wanted, { host, out });
  for (const { run, answer } of taken)
    if (answer.message) out.note(escapeControls(`cordon: sandbox ${run.id}: ${answer.message}`));
  return told
    .filter(({ answer }) => !answer.ok)
    .map(({ run, answer }) => ({ id: run.id, problem: answer.problem ?? "it refuses" }));
};

/** `allowed example.com in /a/project, and for 2 running sandboxes`. */
const describe = (pattern: string, { verb, scope, remove, project }: Wanted, isChanged: boolean, count: number) => {
  const done = verb === "allow" ? "allowed" : "denied";
  const running = `for ${count} running sandbox${count === 1 ? "" : "es"}`;
  const subject = remove ? `no longer ${done}: ${pattern}` : `${done} ${pattern}`;
  if (scope === "running") return `${subject} ${running}`;
  const where = scope === "project" ? `in ${project}` : "everywhere";
  const stored = isChanged ? `${subject} ${where}` : `${pattern} was ${remove ? "not" : "already"} ${done} ${where}`;
  return count > 0 ? `${stored}, and now ${running}` : stored;
};

/** Denials win, and one kept in the other scope would make an allowance a surprise. */
const noteOpposite = (
  pattern: string,
  { verb, project }: Wanted,
  { host, out }: Pick<Context, "host" | "out">,
): void => {
  if (verb === "deny") return;
  const opposite = readLearned(host.places, project).deny.find(({ value }) => value === pattern);
  const word = pattern.includes(" ") ? `"${pattern}"` : pattern;
  if (opposite) out.note(`cordon: still denied: \`${opposite.origin} --remove ${word}\` takes that back`);
};

const readScope = (given: readonly Given[]): Scope | "running" => {
  const chosen = scopes.filter((scope) => isGiven(given, scope));
  if (chosen.length > 1)
    throw errorOf("E_USAGE", `\`--${chosen[0]}\` and \`--${chosen[1]}\` exclude each other`, "give one of them");
  const scope = chosen[0] ?? "running";
  if (scope !== "running" && isGiven(given, "run"))
    throw errorOf("E_USAGE", `\`--run\` is for one sandbox and \`--${scope}\` for more`, "leave one of them out");
  return scope;
};

/** The one spelling of a rule, so that what differs in letters only is one rule. */
const readPattern = (word: string): string => {
  const pattern = parsePattern(word);
  if (isProblem(pattern)) throw errorOf("E_OPTION_INVALID", word, pattern.problem, pattern.hint);
  return formatPattern(pattern);
};

const coveredRuns = (host: Host, given: readonly Given[], scope: Scope | "running", project: string): Run[] => {
  const id = given.find(({ flag }) => flag.long === "run")?.value;
  if (id !== undefined) return [findRun(host.places, id)];
  const runs = listRuns(host.places).filter((run) => scope === "always" || run.project === project);
  if (scope === "running" && runs.length === 0)
    throw errorOf(
      "E_RUN_NONE",
      "`--project` or `--always` keeps the rule for later runs; `cordon ps` lists the running",
    );
  return runs;
};

/** The project of the nearest running sandbox around the working directory, else the working directory. */
export const findProject = ({ places, cwd }: Pick<Host, "places" | "cwd">): string =>
  listRuns(places)
    .map(({ project }) => project)
    .filter((project) => isWithin(cwd, project))
    .reduce((longest, project) => (project.length > longest.length ? project : longest), "") || cwd;

/** Never rejects: who does not answer refuses. */
export const tellRun = async (run: Run, { places }: Pick<Host, "places">, request: Request): Promise<Answer> =>
  askControl(controlSocket(places, run.id), request, answerMs).catch(() => ({
    ok: false,
    problem: "it does not answer",
  }));
