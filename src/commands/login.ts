import path from "node:path";
import type { Agent, SignIn } from "../agents/agent.ts";
import { readPrivateFile } from "../agents/private-file.ts";
import { findAgent } from "../agents/registry.ts";
import { isGiven } from "../cli/given.ts";
import type { Config } from "../config/config.ts";
import type { Login } from "../credentials/formats/format.ts";
import { formats } from "../credentials/formats/index.ts";
import { parseObject } from "../credentials/formats/json-text.ts";
import { placeToken, readToken } from "../credentials/handed-over.ts";
import { keepLogin, keepToken, keptLoginFile } from "../credentials/kept.ts";
import { shortenHome } from "../credentials/logins.ts";
import { readCredentialFile } from "../credentials/store.ts";
import { surveyAgent } from "../credentials/survey.ts";
import { errorOf } from "../errors.ts";
import type { Host } from "../host.ts";
import { reapRuns } from "../run/registry.ts";
import { makeScratch, removeAbandonedScratch, type Scratch } from "../run/scratch.ts";
import { escapeControls } from "../terminal/escape.ts";
import { plainWorkspace } from "../workspace/workspace.ts";
import { carryOut } from "./carry-out.ts";
import type { CommandFunction, Context } from "./context.ts";
import { prepareRun } from "./prepare.ts";

/**
 * `cordon login [AGENT] [-- ARGS…]`: the agent's own sign-in, in a sandbox that begins and ends with nothing; what it
 * leaves is kept in cordon's own place. `--with-token` takes a token from the input instead.
 */
export const runLogin: CommandFunction = async (context) => {
  const { host, invocation, out } = context;
  if (host.env["CORDON_SANDBOX"]) throw errorOf("E_SANDBOX_NESTED");
  const config = await context.config();
  const [name = config.agent.value, ...words] = invocation.words;
  const agent = findAgent(name, config);
  const asked = invocation.given.findLast(({ flag }) => flag.long === "as")?.value;
  if (isGiven(invocation.given, "with-token")) return takeToken(context, agent, asked);
  const signedIn = await signIn(context, config, agent, words);
  if (signedIn === undefined) return 0;
  const { text, login } = signedIn;
  const file = keepLogin(host.places, agent.name, agent.signIn?.adds ? addLogin(text, host, agent) : text);
  const plan = login.tokens.plan === undefined ? "" : ` (${login.tokens.plan})`;
  out.line(escapeControls(`signed in to ${agent.name}${plan}: kept in ${shortenHome(file, host.home)}`));
  await noteFirst(context, agent, file);
  return 0;
};

/** What the user has beside it is preferred, as it is on the host. */
const noteFirst = async ({ host, out }: Context, agent: Agent, file: string): Promise<void> => {
  const [first] = await surveyAgent(agent, host, host.env);
  if (first && first.source !== shortenHome(file, host.home))
    out.note(escapeControls(`cordon: ${first.source} comes first as long as it is there`));
};

/** The keys of such a file are its providers. */
const addLogin = (text: string, { places }: Host, { name }: Agent): string => {
  const before = readCredentialFile(keptLoginFile(places, name)) ?? "";
  return `${JSON.stringify({ ...parseObject(before), ...parseObject(text) }, null, 2)}\n`;
};

const takeToken = async (context: Context, agent: Agent, asked: string | undefined): Promise<number> => {
  const { host, out } = context;
  const hint = `\`cordon login ${agent.name} --with-token < FILE\``;
  // Typed there it would stand on the screen.
  if (host.tty.stdin) throw errorOf("E_USAGE", "`--with-token` reads from a pipe or a file, not from a terminal", hint);
  const token = placeToken(agent, readToken(), asked);
  const file = keepToken(host.places, agent.name, token);
  out.line(`${token.variable} of ${agent.name}: kept in ${escapeControls(shortenHome(file, host.home))}`);
  await noteFirst(context, agent, file);
  return 0;
};

type SignedIn = { text: string; login: Login };

/** What the sign-in has left, checked; undefined for a dry run. Throws E_LOGIN_*. */
const signIn = async (
  context: Context,
  config: Config,
  agent: Agent,
  words: string[],
): Promise<SignedIn | undefined> => {
  const { host, invocation, out } = context;
  const { own, place } = waysOf(agent);
  removeAbandonedScratch(host.places);
  const scratch = makeScratch(host.places);
  try {
    const args = words.length > 0 ? [...own.args, ...words] : argsFor(own, host);
    const asAgent = { ...invocation, command: "agent", agent: agent.name, words: args };
    const inside = { ...context, host: hostIn(scratch, host), invocation: asAgent };
    const prepared = await prepareRun(inside, configFor(config, agent, own), plainWorkspace(inside.host.project));
    if (isGiven(invocation.given, "dry-run")) {
      out.json((await import("../launch-json.ts")).describeLaunch(prepared.launch));
      return undefined;
    }
    reapRuns(host.places);
    const { code } = await carryOut(prepared, context, { isSigningIn: true });
    const state = prepared.gathered.states.find(({ directory }) => directory.path === place.path)!;
    const text = readPrivateFile(state.host, place.credential, { followLinks: false }) ?? "";
    const login = formats[place.credentialFormat].read(text)[0];
    if (login) return { text, login };
    const problem = code === 0 ? "it has left no login" : `it ended with status ${code}`;
    const hint = `\`cordon login ${agent.name}\` tries again; \`--with-token\` takes a token`;
    throw errorOf("E_LOGIN_FAILED", agent.name, problem, hint);
  } finally {
    scratch.remove();
  }
};

/** How the agent signs in, and where it then leaves a file that cordon can read. Throws E_LOGIN_UNSUPPORTED. */
const waysOf = ({ name, signIn: own, state, keys }: Agent) => {
  for (const { path: at, credential, credentialFormat } of state)
    if (own && credential !== undefined && credentialFormat !== undefined)
      return { own, place: { path: at, credential, credentialFormat } };
  const ways = [...keys.map((key) => `put a key into ${key}`), "sign in without cordon and use `--credentials share`"];
  throw errorOf("E_LOGIN_UNSUPPORTED", name, ways.join("; or "));
};

/** Over ssh the browser is on another machine, and cannot come back to this one's loopback. */
const argsFor = ({ args, remote }: SignIn, { env }: Host): string[] => (env["SSH_CONNECTION"] && remote) || args;

/** The same machine as a sign-in sees it: project, state and caches are all in its scratch place. */
const hostIn = ({ directory, work }: Scratch, host: Host): Host => {
  const places = { ...host.places, state: path.join(directory, "state"), cache: path.join(directory, "cache") };
  return { ...host, cwd: work, project: work, places };
};

/** The user's own network rules hold; of everything else a sign-in gets nothing. */
const configFor = (config: Config, { name, env }: Agent, { hosts = [], publish = [], env: own }: SignIn): Config => {
  const origin = "cordon login";
  const settings = { ...config.agents[name], env: { ...env, ...own }, origin };
  return {
    ...config,
    preset: { value: "standard", origin },
    credentials: { value: "none", origin },
    filesystem: { ...config.filesystem, write: [] },
    network: {
      allow: [...config.network.allow, ...hosts.map((host) => ({ value: `${host}:443`, origin }))],
      ...{ deny: config.network.deny, hostPorts: [] },
      mode: { value: "filtered", origin },
      presets: { value: [], origin },
      publish: publish.map((port) => ({ value: `${port}:${port}`, origin })),
    },
    env: { pass: [], set: {}, dotenv: [] },
    widen: {},
    sshKeys: [],
    services: {},
    secretFiles: {},
    agents: { ...config.agents, [name]: settings },
  };
};
