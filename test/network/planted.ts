import path from "node:path";
import { chatgptAccount } from "../models/routes.ts";
import type { NetworkLab } from "./lab.ts";
import { claudeScopes, type Tokens } from "./servers/oauth.ts";

/** Made-up secrets in the shapes that the clients themselves check. */
export const planted = {
  anthropic: `sk-ant-api03-${"k3yA".repeat(20)}-made-upAA`,
  openai: `sk-proj-${"k3yB".repeat(20)}-made-up`,
  google: `AIza${"k3yC".repeat(8)}mad`,
  github: `ghp_${"k3yD".repeat(9)}`,
  npm: `npm_${"k3yE".repeat(9)}`,
};

/** Where an agent keeps a person's login. */
export const credentialFiles = {
  claude: ".claude/.credentials.json",
  codex: ".codex/auth.json",
  gemini: ".gemini/oauth_creds.json",
  opencode: ".local/share/opencode/auth.json",
  gh: ".config/gh/hosts.yml",
  npm: ".npmrc",
} as const;

export type Planting = {
  claude?: Tokens;
  codex?: Tokens & { id: string };
  gemini?: Tokens;
  opencode?: string;
  gh?: string;
  npm?: { registry: string; token: string };
};

/** The files of a person who is logged in, in a throw-away home. Gives the path of each. */
export const plantCredentials = (lab: NetworkLab, planting: Planting): string[] =>
  Object.entries(filesOf(planting)).map(([name, text]) =>
    lab.write(path.join(lab.at("home"), name), text, name.endsWith("settings.json") ? 0o644 : 0o600),
  );

const filesOf = ({ claude, codex, gemini, opencode, gh, npm }: Planting): Record<string, string> => ({
  ...(claude && {
    [credentialFiles.claude]: JSON.stringify({
      claudeAiOauth: {
        accessToken: claude.access,
        refreshToken: claude.refresh,
        expiresAt: claude.expiresAtMs,
        scopes: claudeScopes,
        subscriptionType: "max",
        rateLimitTier: "default_claude_max_5x",
      },
    }),
  }),
  ...(codex && {
    [credentialFiles.codex]: JSON.stringify({
      auth_mode: "chatgpt",
      OPENAI_API_KEY: null,
      tokens: {
        id_token: codex.id,
        access_token: codex.access,
        refresh_token: codex.refresh,
        account_id: chatgptAccount,
      },
      last_refresh: new Date().toISOString(),
    }),
  }),
  ...(gemini && {
    [credentialFiles.gemini]: JSON.stringify({
      access_token: gemini.access,
      refresh_token: gemini.refresh,
      scope: "https://www.googleapis.com/auth/cloud-platform openid",
      token_type: "Bearer",
      expiry_date: gemini.expiresAtMs,
    }),
    ".gemini/settings.json": JSON.stringify({ security: { auth: { selectedType: "oauth-personal" } } }),
  }),
  ...(opencode && {
    [credentialFiles.opencode]: JSON.stringify({ anthropic: { type: "api", key: opencode } }),
  }),
  ...(gh && {
    [credentialFiles.gh]: `github.com:\n    user: agnes\n    oauth_token: ${gh}\n    git_protocol: https\n`,
  }),
  ...(npm && {
    [credentialFiles.npm]: `registry=https://${npm.registry}/npm/\n//${npm.registry}/npm/:_authToken=${npm.token}\n`,
  }),
});
