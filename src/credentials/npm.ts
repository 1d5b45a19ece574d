import path from "node:path";
import type { ServiceSettings } from "../config/config.ts";
import { nameOfRule } from "../egress/name.ts";
import type { LiveCredential } from "./credential.ts";
import { brokerOrigin, type Part } from "./found.ts";
import { fixedCredential } from "./live.ts";
import { bearer, placeholderOf } from "./providers.ts";
import { type CredentialRequest, variablesOf } from "./request.ts";
import { readCredentialFile } from "./store.ts";

/** Variables that a project's own `.npmrc` usually refers to. */
const variables = ["NPM_TOKEN", "NODE_AUTH_TOKEN"];
/** Where those go when the user's configuration names no registry: the public one's domain. */
const publicHosts = ["*.npmjs.org:443"];

type Line = { place: string; host: string; token: string };

/**
 * npm's registries, by the `//HOST/:_authToken=` lines of the user's `.npmrc`: inside stands the same file with
 * placeholders. Read-only unless the user says otherwise.
 */
export const npmService = (
  request: CredentialRequest,
  settings: ServiceSettings | undefined,
  source: LiveCredential | undefined,
): Part[] => {
  const env = variablesOf(request);
  const file = env["NPM_CONFIG_USERCONFIG"] ?? env["npm_config_userconfig"] ?? path.join(request.host.home, ".npmrc");
  const text = readCredentialFile(file) ?? "";
  const lines = linesOf(text, env);
  const origin = settings?.origin ?? "service npm (`write = true` in `[services.npm]` lifts it)";
  const own = settings?.hosts?.map((host) => (/:\d+$/.test(host) ? host : `${host}:443`));
  const named = own ?? lines.map(({ host }) => host);
  const hosts = [...new Set(named.length > 0 ? named : publicHosts)];
  const tokens = variables.flatMap((name) => (env[name] ? [{ name, live: fixedCredential(env[name]) }] : []));
  const parts: Part[] = [
    ...(source ? [{ name: variables[0]!, live: source }] : tokens).map(({ name, live }) => ({
      injections: [{ credential: name, placeholder: placeholderOf(name, "npm_"), slots: [bearer], hosts }],
      live: [[name, live] as const],
      variables: [{ name, value: placeholderOf(name, "npm_"), origin: brokerOrigin }],
    })),
    ...lines.map(({ place, host, token }) => ({
      injections: [{ credential: `npm ${place}`, placeholder: placeholderFor(place), slots: [bearer], hosts: [host] }],
      live: [[`npm ${place}`, fixedCredential(token)] as const],
    })),
  ];
  if (parts.length === 0) return [];
  const guarded = hosts.flatMap((host) => [...(settings?.write ? [] : [readOnly(host)]), minting(host)]);
  return [
    ...parts,
    { deny: guarded.map((value) => ({ value, origin })) },
    ...(lines.length > 0 ? [{ homeFiles: [{ path: ".npmrc", text: standIn(text, lines) }] }] : []),
  ];
};

/** Publishing and taking back. An audit is a question that is asked by POST. */
const readOnly = (host: string): string => `PUT,PATCH,DELETE ${host}/`;

/** Also for who may publish: a token would stand inside, and be good without cordon. */
const minting = (host: string): string => `POST ${host}/-/npm/v1/tokens`;

const placeholderFor = (place: string): string => placeholderOf(`npm${place}`, "npm_");

const linePattern = /^\s*(\/\/[^\s=]+?)\/?:_authToken\s*=\s*["']?([^\s"';#]+)["']?\s*$/gm;

/** `//HOST[:PORT]/PATH/:_authToken=TOKEN` of npmrc(5), where `${NAME}` stands for a variable. */
const linesOf = (text: string, env: Record<string, string>): Line[] =>
  [...text.matchAll(linePattern)].flatMap(([, place = "", written = ""]) => {
    const token = written.replace(/\$\{(\w+)\??\}/g, (_, name: string) => env[name] ?? "");
    const [, name = "", port = "443"] = /^\/\/([^/:]+)(?::(\d+))?/.exec(place) ?? [];
    const known = nameOfRule(name);
    return token === "" || known === undefined ? [] : [{ place, host: `${known}:${port}`, token }];
  });

/** Which registry serves what comes along, and the placeholders; nothing else of the file. */
const standIn = (text: string, lines: readonly Line[]): string =>
  [
    ...text.split("\n").filter((line) => /^\s*(@[\w.-]+:)?registry\s*=\s*https?:\/\/[^@?#\s]+\s*$/.test(line)),
    ...lines.map(({ place }) => `${place}/:_authToken=${placeholderFor(place)}`),
  ]
    .map((line) => `${line.trim()}\n`)
    .join("");
