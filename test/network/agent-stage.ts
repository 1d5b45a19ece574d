import { replyJson } from "../models/dialect.ts";
import type { Script } from "../models/script.ts";
import { createModel, type Model } from "../models/server.ts";
import type { NetworkLab } from "./lab.ts";
import { plantCredentials, planted } from "./planted.ts";
import type { SecureLab } from "./secure-lab.ts";
import { createOAuth, issuers, type OAuthServer, type Tokens } from "./servers/oauth.ts";
import { type Arrival, sendJson } from "./servers/secure.ts";

/** One way in which one agent's user is logged in. */
export type Login = {
  agent: "claude" | "codex" | "gemini" | "opencode";
  kind: string;
  /** Where its model is, and the header in which that server wants the credential. */
  model: string;
  header: string;
  scheme?: "Bearer";
  /** Who mints its tokens; without an issuer there is a key that never changes. */
  issuer?: keyof typeof issuers;
  issuerHost?: string;
  key?: string;
  /** Puts it where the agent looks; gives the variables that belong to it. */
  plant: (lab: NetworkLab, tokens: Tokens) => Record<string, string>;
  /** What is typed after `cordon`. */
  task: string[];
};

const opencodeConfig = { model: "anthropic/claude-sonnet-4-5", small_model: "anthropic/claude-sonnet-4-5" };
const opencodeEnv = {
  OPENCODE_DISABLE_MODELS_FETCH: "1",
  OPENCODE_CONFIG_CONTENT: JSON.stringify(opencodeConfig),
};
const tasks = {
  claude: ["claude", "-p", "do it"],
  codex: ["codex", "exec", "--skip-git-repo-check", "do it"],
  gemini: ["gemini", "-p", "do it"],
  opencode: ["opencode", "run", "do it"],
};
const anthropic = { model: "api.anthropic.com", header: "x-api-key", key: planted.anthropic };
const claudeOauth: Pick<Login, "model" | "header" | "scheme" | "issuer" | "issuerHost"> = {
  ...{ model: "api.anthropic.com", header: "authorization", scheme: "Bearer" },
  ...{ issuer: "claude", issuerHost: "platform.claude.com" },
};

export const logins: Login[] = [
  {
    ...{ agent: "claude", kind: "a key in the environment", ...anthropic, task: tasks.claude },
    plant: () => ({ ANTHROPIC_API_KEY: planted.anthropic }),
  },
  {
    ...{ agent: "claude", kind: "a login", ...claudeOauth, task: tasks.claude },
    plant: (lab, tokens) => {
      plantCredentials(lab, { claude: tokens });
      return {};
    },
  },
  {
    ...{ agent: "claude", kind: "a token in the environment", ...claudeOauth, task: tasks.claude },
    plant: (_lab, { access }) => ({ CLAUDE_CODE_OAUTH_TOKEN: access }),
  },
  {
    ...{ agent: "codex", kind: "a key in the environment", model: "api.openai.com", task: tasks.codex },
    ...{ header: "authorization", scheme: "Bearer", key: planted.openai },
    plant: () => ({ CODEX_API_KEY: planted.openai }),
  },
  {
    ...{ agent: "codex", kind: "a login", model: "chatgpt.com", header: "authorization", scheme: "Bearer" },
    ...{ issuer: "codex", issuerHost: "auth.openai.com", task: tasks.codex },
    plant: (lab, tokens) => {
      plantCredentials(lab, { codex: { ...tokens, id: issuers.codex.makeAccess(Date.now() + 3_600_000) } });
      return {};
    },
  },
  {
    ...{ agent: "gemini", kind: "a key in the environment", model: "generativelanguage.googleapis.com" },
    ...{ header: "x-goog-api-key", key: planted.google, task: tasks.gemini },
    plant: () => ({ GEMINI_API_KEY: planted.google }),
  },
  {
    ...{ agent: "gemini", kind: "a login", model: "cloudcode-pa.googleapis.com" },
    ...{ header: "authorization", scheme: "Bearer", issuer: "gemini", issuerHost: "oauth2.googleapis.com" },
    task: tasks.gemini,
    plant: (lab, tokens) => {
      plantCredentials(lab, { gemini: tokens });
      return {};
    },
  },
  {
    ...{ agent: "opencode", kind: "a key in the environment", ...anthropic, task: tasks.opencode },
    plant: () => ({ ...opencodeEnv, ANTHROPIC_API_KEY: planted.anthropic }),
  },
  {
    ...{ agent: "opencode", kind: "a key in its file", ...anthropic, task: tasks.opencode },
    plant: (lab) => {
      plantCredentials(lab, { opencode: planted.anthropic });
      return opencodeEnv;
    },
  },
];

export type Stage = {
  login: Login;
  model: Model;
  oauth: OAuthServer | undefined;
  /** All that must be found nowhere inside. */
  secrets: () => string[];
  /** What came to the model, the issuer and everybody else whom the agent asks by itself. */
  arrivals: Arrival[];
  env: Record<string, string>;
};

/** Whom agents ask besides, at every start. */
const bystanders = [
  ...["claude.ai", "claude.com", "mcp-proxy.anthropic.com", "statsig.anthropic.com"],
  "play.googleapis.com",
];

/**
 * The servers of one login, and its files and variables in the lab's home. A model only answers who is logged in. `lifeMs`
 * is how long the token lives that is there at first.
 */
export const openStage = async (lab: SecureLab, login: Login, script: Script, lifeMs?: number): Promise<Stage> => {
  const oauth = login.issuer && createOAuth(issuers[login.issuer]);
  const model = createModel(script, undefined, ({ headers }) => {
    const value = headers[login.header];
    const isGood = oauth ? oauth.isGood(`${value}`) : value === `${login.scheme ? `${login.scheme} ` : ""}${login.key}`;
    return isGood
      ? undefined
      : replyJson({ type: "error", error: { type: "authentication_error", message: "no" } }, 401);
  });
  const services = [await lab.serveTls(login.model, model.answer)];
  if (oauth) services.push(await lab.serveTls(login.issuerHost!, oauth.answer));
  services.push(
    await lab.serveTls(bystanders, (request, response) => {
      request.resume();
      sendJson(response, {});
    }),
  );
  const keyOnly: Tokens = { access: login.key ?? "", refresh: "", expiresAtMs: 0 };
  const env = login.plant(lab, oauth?.login(lifeMs) ?? keyOnly);
  return {
    ...{ login, model, oauth, env },
    secrets: () => oauth?.everything ?? [login.key!],
    get arrivals() {
      return services.flatMap(({ arrivals }) => arrivals);
    },
  };
};
