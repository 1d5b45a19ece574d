import path from "node:path";
import type { ServiceSettings } from "../config/config.ts";
import { askCommand } from "./command.ts";
import type { LiveCredential } from "./credential.ts";
import { brokerOrigin, type Part } from "./found.ts";
import { askedCredential, fixedCredential } from "./live.ts";
import { placeholderOf } from "./providers.ts";
import { type CredentialRequest, variablesOf } from "./request.ts";
import { readCredentialFile } from "./store.ts";

const variables = ["GH_TOKEN", "GITHUB_TOKEN"];

/** GitHub, for git and its API, by the token that `gh` would use. Read-only unless the user says otherwise. */
export const githubService = (
  request: CredentialRequest,
  settings: ServiceSettings | undefined,
  source: LiveCredential | undefined,
): Part[] => {
  const found = source ? [{ name: "GH_TOKEN", live: source }] : findTokens(request);
  const origin = settings?.origin ?? "service github (`write = true` in `[services.github]` lifts it)";
  return found.map(({ name, live }, at): Part => {
    const placeholder = placeholderOf(name, "ghp_");
    const [bearer, token, basic] = (["Bearer", "token", "Basic"] as const).map((scheme) => ({
      header: "authorization",
      scheme,
    }));
    return {
      injections: [
        {
          ...{ credential: name, placeholder, slots: [bearer!, token!] },
          hosts: ["api.github.com:443", "uploads.github.com:443"],
        },
        { credential: name, placeholder, slots: [basic!], hosts: ["github.com:443"] },
      ],
      live: [[name, live]],
      variables: [{ name, value: placeholder, origin: brokerOrigin }],
      gitCredentials: at === 0 ? [{ url: "https://github.com", user: "x-access-token", password: placeholder }] : [],
      deny: settings?.write ? [] : readOnly.map((value) => ({ value, origin })),
    };
  });
};

/** A push by git; of the API everything that is no question. GraphQL asks and changes by the same method. */
const readOnly = [
  "POST github.com/*/*/git-receive-pack",
  "POST,PUT,PATCH,DELETE api.github.com/",
  "POST,PUT,PATCH,DELETE uploads.github.com/",
];

/** As `gh help environment` has it: variables come first, then what `gh auth login` kept in its file or in a keyring. */
const findTokens = (request: CredentialRequest): { name: string; live: LiveCredential }[] => {
  const { host } = request;
  const env = variablesOf(request);
  const set = variables.flatMap((name) => (env[name] ? [{ name, live: fixedCredential(env[name]) }] : []));
  if (set.length > 0) return set;
  const base = env["XDG_CONFIG_HOME"];
  const directory =
    env["GH_CONFIG_DIR"] ?? path.join(base && path.isAbsolute(base) ? base : path.join(host.home, ".config"), "gh");
  const entry = entryOf(readCredentialFile(path.join(directory, "hosts.yml")) ?? "");
  if (entry === undefined) return [];
  const token = /^\s+oauth_token:\s*["']?([\w.-]+)/m.exec(entry)?.[1];
  const ask = () => askCommand(["gh", "auth", "token", "--hostname", "github.com"], host);
  return [{ name: "GH_TOKEN", live: token === undefined ? askedCredential(ask) : fixedCredential(token) }];
};

/** What stands below `github.com:` in hosts.yml. */
const entryOf = (text: string): string | undefined => /^github\.com:[ \t]*\n((?:[ \t].*(?:\n|$))+)/m.exec(text)?.[1];
