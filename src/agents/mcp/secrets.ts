import type { Injection, LiveCredential, Slot } from "../../credentials/credential.ts";
import { fixedCredential } from "../../credentials/live.ts";
import { hostsOf, isSigning, placeholderOf, providerOf } from "../../credentials/providers.ts";
import { type Endpoint, endpointOf } from "../../egress/base-url.ts";
import type { CredentialMode } from "../../policy.ts";
import type { Variables } from "../settings/reference.ts";
import { isPlain, isSecretName, isSecretValue } from "../settings/secrecy.ts";
import type { Inside, McpServer, Text } from "./servers.ts";

/** What becomes of secrets: gathered while settings are gone through. */
export type Ledger = {
  mode: CredentialMode;
  env: Variables;
  injections: Injection[];
  live: Map<string, LiveCredential>;
  /** By whose they are, the names of those that nothing could be put in place of. */
  left: Map<string, string[]>;
};

export const openLedger = (mode: CredentialMode, env: Variables): Ledger => ({
  ...{ mode, env, injections: [], live: new Map(), left: new Map() },
});

/** Whose a secret is: in words, and as the start of a credential's name. */
export type Owner = { about: string; short: string };

export const ownerOf = ({ name, origin }: Pick<McpServer, "name" | "origin">): Owner => ({
  about: `${origin} (MCP server ${name})`,
  short: `mcp ${name}`,
});

/** A server's values as they stand inside. */
export const bringServer = (ledger: Ledger, server: McpServer): Inside => {
  const whose = ownerOf(server);
  if (server.kind === "http") {
    const { url, headers } = server;
    return { kind: "http", url: bringAddress(ledger, whose, url), headers: bringHeaders(ledger, whose, url, headers) };
  }
  const { command, args, env } = server;
  const url = args.map(({ text }) => text).find((text) => /^(https|wss):\/\//.test(text)) ?? "";
  return {
    ...{ kind: "stdio", command, env: bringVariables(ledger, whose, env) },
    args: args.map((arg) => (arg.isSecret ? bringArgument(ledger, whose, url, arg.text) : arg.text)),
  };
};

/** The endpoint of an MCP server's address, also of a WebSocket. */
export const endpointOfServer = (url: string): Endpoint | undefined => endpointOf(url.trim().replace(/^ws/i, "http"));

/** Lines of `Name: value`, each as it may stand inside. */
export const bringHeaderLines = (ledger: Ledger, whose: Owner, url: string, text: string): string =>
  text
    .split("\n")
    .flatMap((line) => {
      const [, name, value] = /^\s*([^\s:]+)\s*:\s*(.*?)\s*$/.exec(line) ?? [];
      if (name === undefined || value === undefined) return [];
      const isSecret = (isSecretName(name) && !isPlain(value)) || isSecretValue(value);
      const inside = isSecret ? bringHeader(ledger, whose, url, name, value) : value;
      return inside === undefined ? [] : [`${name}: ${inside}`];
    })
    .join("\n");

const bringHeaders = (
  ledger: Ledger,
  whose: Owner,
  url: string,
  headers: Record<string, Text>,
): Record<string, string> =>
  bringEach(headers, (name, { text, isSecret }) => {
    if (!isSecret || ledger.mode === "share") return text;
    return bringHeader(ledger, whose, url, name, text);
  });

/** Only over TLS, or to this machine; cookies are more than one credential. Without such a way the header is left out. */
const bringHeader = (ledger: Ledger, whose: Owner, url: string, name: string, text: string): string | undefined => {
  const header = name.toLowerCase();
  const host = credentialHost(url);
  if (host === undefined || header === "cookie" || header.startsWith("proxy-")) return leave(ledger, whose, name);
  const { secret, scheme, write } = takeApart(text);
  const slot: Slot = { header, ...(scheme && { scheme }) };
  const placeholder = swap(ledger, `${whose.short} ${name}`, secret, { hosts: [host], slots: [slot], prefix: "" });
  return placeholder === undefined ? undefined : write(placeholder);
};

/** Variables of a process: one of a known provider may go there, about another nobody knows where it may go. */
export const bringVariables = (ledger: Ledger, whose: Owner, env: Record<string, Text>): Record<string, string> =>
  bringEach(env, (name, { text, isSecret }) => {
    if (!isSecret || ledger.mode === "share") return text;
    const provider = isSigning(name) ? undefined : providerOf(name);
    if (!provider) return leave(ledger, whose, name);
    return swap(ledger, `${whose.short} ${name}`, text, { ...provider, hosts: hostsOf(provider, ledger.env) });
  });

/** Something must stand in its place, or the arguments behind it would mean something else. */
const bringArgument = (ledger: Ledger, whose: Owner, url: string, text: string): string => {
  if (ledger.mode === "share") return text;
  const [, name, value] = /^([\w-]+): *([^/ ].*)$/.exec(text) ?? [];
  const header = name === undefined ? undefined : bringHeader(ledger, whose, url, name, value!);
  if (header !== undefined) return `${name}: ${header}`;
  const [, option = ""] = /^(-{1,2}[\w-]+=)/.exec(text) ?? [];
  if (name === undefined) leave(ledger, whose, option === "" ? "an argument" : option.slice(0, -1));
  return `${option}${placeholderOf(whose.short, "")}`;
};

/** An address without its password and the secret parts of its query: no gateway can put these in. */
export const bringAddress = (ledger: Ledger, whose: Owner, text: string): string => {
  const url = URL.parse(text);
  if (!url || ledger.mode === "share") return text;
  const secret = [...url.searchParams].filter(([name, value]) => isSecretName(name) || isSecretValue(value));
  if (secret.length === 0 && url.username === "" && url.password === "") return text;
  if (url.password !== "") leave(ledger, whose, "the password of its address");
  for (const [name] of secret) {
    leave(ledger, whose, `\`${name}\` of its address`);
    url.searchParams.delete(name);
  }
  url.username = "";
  url.password = "";
  return url.href;
};

/** Notes a secret for which nothing stands inside. Under `none` that is what was asked for. */
export const leave = ({ mode, left }: Ledger, whose: Owner, name: string): undefined => {
  if (mode !== "none") left.set(whose.about, [...(left.get(whose.about) ?? []), name]);
};

/** A placeholder, and what is put in its place on the way out. Undefined when secrets stay outside altogether. */
const swap = (
  { mode, injections, live }: Ledger,
  name: string,
  secret: string,
  to: { hosts: string[]; slots: readonly Slot[]; prefix: string },
): string | undefined => {
  if (mode === "none") return undefined;
  let credential = name;
  const isTaken = () => injections.some(({ placeholder }) => placeholder === placeholderOf(credential, to.prefix));
  for (let number = 2; isTaken(); number++) credential = `${name} ${number}`;
  const placeholder = placeholderOf(credential, to.prefix);
  injections.push({ credential, placeholder, slots: [...to.slots], hosts: to.hosts });
  live.set(credential, fixedCredential(secret));
  return placeholder;
};

const credentialHost = (url: string): string | undefined => {
  const endpoint = endpointOfServer(url);
  if (endpoint?.kind === "host-port") return `localhost:${endpoint.port}`;
  return endpoint && /^(https|wss):/i.test(url.trim()) ? endpoint.value : undefined;
};

type Parts = { secret: string; scheme?: Slot["scheme"]; write: (placeholder: string) => string };

/** The credential in a header's value; all of it where no known word stands before it. */
const takeApart = (text: string): Parts => {
  const [, word, rest] = /^(Bearer|token|Basic) +(\S+)$/i.exec(text.trim()) ?? [];
  const scheme = (["Bearer", "token", "Basic"] as const).find((name) => name.toLowerCase() === word?.toLowerCase());
  if (scheme === "Bearer" || scheme === "token")
    return { secret: rest!, scheme, write: (placeholder) => `${word} ${placeholder}` };
  const [user = "", ...password] = Buffer.from(rest ?? "", "base64")
    .toString("latin1")
    .split(":");
  // Some services take a token as the user's name and no password.
  if (scheme === undefined || password.join("") === "")
    return { secret: text.trim(), write: (placeholder) => placeholder };
  const encode = (value: string) => Buffer.from(`${user}:${value}`, "latin1").toString("base64");
  return { secret: password.join(":"), scheme, write: (placeholder) => `${word} ${encode(placeholder)}` };
};

const bringEach = (
  texts: Record<string, Text>,
  bring: (name: string, text: Text) => string | undefined,
): Record<string, string> =>
  Object.fromEntries(
    Object.entries(texts).flatMap(([name, text]) => {
      const inside = bring(name, text);
      return inside === undefined ? [] : [[name, inside]];
    }),
  );
