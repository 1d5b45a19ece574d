import type { Agent } from "../agents/agent.ts";
import { agentNames, findAgent } from "../agents/registry.ts";
import { isGiven } from "../cli/given.ts";
import { type Sighting, surveyAgent } from "../credentials/survey.ts";
import { errorOf } from "../errors.ts";
import { escapeControls } from "../terminal/escape.ts";
import type { CommandFunction, Context } from "./context.ts";

/** `cordon token [show|export|json] [AGENT]`: what a run would sign in with. Values only where they are asked for. */
export const runToken: CommandFunction = async (context) => {
  const { invocation, host } = context;
  if (host.env["CORDON_SANDBOX"]) throw errorOf("E_SANDBOX_NESTED");
  const [first = "show", second] = invocation.words;
  const isVerb = verbs.includes(first);
  if (!isVerb && second !== undefined)
    throw errorOf("E_USAGE", `\`cordon token\` cannot \`${first}\``, "`cordon token [show|export|json] [AGENT]`");
  const [verb, name] = isVerb ? [first, second] : ["show", first];
  if (verb === "export") return exportToken(context, name);
  const found = await survey(context, name);
  if (verb === "json" || isGiven(invocation.given, "json")) await printJson(context, found);
  else printList(context, found, name);
  return found.length > 0 || name === undefined ? 0 : 1;
};

const verbs = ["show", "export", "json"];

const survey = async ({ host, config }: Context, name: string | undefined): Promise<Sighting[]> => {
  const settings = await config();
  const agents: Agent[] = (name === undefined ? agentNames(settings) : [name]).map((one) => findAgent(one, settings));
  const set = Object.fromEntries(Object.entries(settings.env.set).map(([key, { value }]) => [key, value]));
  return (await Promise.all(agents.map((agent) => surveyAgent(agent, host, { ...host.env, ...set })))).flat();
};

const printList = ({ out }: Context, found: readonly Sighting[], name: string | undefined): void => {
  if (found.length === 0) {
    out.line(`no credential of ${escapeControls(name ?? "any agent")}: \`cordon login ${name ?? "AGENT"}\` signs in`);
    return;
  }
  for (const sighting of found) {
    const { agent, source, kind, tokens } = sighting;
    const isFirst = found.find((other) => other.agent === agent) === sighting;
    out.line(
      escapeControls(
        `${agent}  ${kind === "unknown" ? "login" : kind} in ${source}${isFirst ? "" : "  (second choice)"}`,
      ),
    );
    const facts: [string, string | undefined][] = [
      ["plan", tokens?.plan],
      ["scopes", tokens?.scopes?.join(" ") || undefined],
      ["expires", kind === "unknown" ? undefined : describeExpiry(sighting)],
      ["value", tokens && maskValue(tokens.access)],
      ["note", kind === "unknown" ? "cordon cannot read it; `--credentials share` hands it over" : undefined],
    ];
    for (const [label, text] of facts) if (text !== undefined) out.line(escapeControls(`  ${label.padEnd(8)} ${text}`));
  }
};

const printJson = async ({ out, host, invocation }: Context, found: readonly Sighting[]): Promise<void> => {
  const isSecret = isGiven(invocation.given, "secret");
  if (isSecret) refuseTerminal(host.tty.stdout && !isGiven(invocation.given, "yes"), "token json --secret");
  out.json(
    found.map(({ agent, source, kind, variable, tokens, isRenewable }) => ({
      ...{ agent, source, kind, ...(variable && { variable }) },
      ...{ plan: tokens?.plan, account: tokens?.account, scopes: tokens?.scopes },
      ...(tokens?.expiresAtMs !== undefined && { expiresAt: new Date(tokens.expiresAtMs).toISOString() }),
      ...{ renewable: isRenewable, masked: tokens && maskValue(tokens.access) },
      ...(isSecret && { value: tokens?.access, refresh: tokens?.refresh }),
    })),
  );
};

/** For `eval "$(cordon token export)"`. A terminal would keep it in its scrollback, where everybody who looks can read it. */
const exportToken = async (context: Context, name: string | undefined): Promise<number> => {
  const { host, out, invocation, config } = context;
  refuseTerminal(host.tty.stdout && !isGiven(invocation.given, "yes"), "token export");
  const agent = name ?? (await config()).agent.value;
  const found = await survey(context, agent);
  const first = found[0];
  if (!first) throw errorOf("E_CREDENTIAL_MISSING", agent, `\`cordon login ${agent}\` signs in`);
  const value = first.variable === undefined ? undefined : await first.value();
  if (value === undefined) {
    const hint =
      first.variable === undefined ? "a login of this kind has no variable" : "`cordon login` signs in again";
    throw errorOf("E_CREDENTIAL_MISSING", `${agent} that can stand in a variable now`, hint);
  }
  out.line(`export ${first.variable}='${value.replaceAll("'", "'\\''")}'`);
  return 0;
};

const refuseTerminal = (isShown: boolean, words: string): void => {
  if (isShown)
    throw errorOf("E_USAGE", `\`${words}\` would show a secret on the terminal`, "send it elsewhere, or add `--yes`");
};

const shortest = 24;

/** How it begins for people who know the kinds, and its end for those who compare. Nothing of a short one. */
const maskValue = (value: string): string => {
  const prefix = /^(sk-ant-[a-z]+\d+-|sk-or-v1-|sk-proj-|sk-|ghp_|AIza|ya29\.)/.exec(value)?.[0] ?? "";
  return value.length < shortest + prefix.length ? "…" : `${prefix}…${value.slice(-4)}`;
};

const describeExpiry = ({ tokens, isRenewable }: Sighting): string => {
  const renewal = isRenewable ? "; cordon renews it" : "";
  if (tokens?.expiresAtMs === undefined) return `not known${renewal}`;
  const leftMinutes = Math.round((tokens.expiresAtMs - Date.now()) / 60_000);
  const at = new Date(tokens.expiresAtMs).toISOString().slice(0, 16).replace("T", " ");
  if (leftMinutes <= 0) return `${at} UTC: expired${renewal}`;
  return `${at} UTC, in ${Math.floor(leftMinutes / 60)}h ${leftMinutes % 60}m${renewal}`;
};
