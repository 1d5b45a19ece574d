import type { ServiceSettings } from "../config/config.ts";
import { parseDurationMs } from "../config/values.ts";
import { errorOf } from "../errors.ts";
import { inspectPath } from "../host.ts";
import type { Rule } from "../policy.ts";
import { askCommand } from "./command.ts";
import type { LiveCredential, Slot } from "./credential.ts";
import { brokerOrigin, type Part } from "./found.ts";
import { githubService } from "./github.ts";
import { askedCredential, fixedCredential } from "./live.ts";
import { npmService } from "./npm.ts";
import { placeholderOf } from "./providers.ts";
import { type CredentialRequest, variablesOf } from "./request.ts";
import { readCredentialFile } from "./store.ts";

/** The services that the user names, and those that are built in. Throws E_CONFIG_INVALID for one that says too little. */
export const findServices = (request: CredentialRequest): Part[] => {
  const { services } = request;
  const own = Object.entries(services).filter(([name]) => !Object.hasOwn(builtIn, name));
  return [
    ...own.flatMap(([name, settings]) => customService(name, settings, request)),
    ...Object.entries(builtIn).flatMap(([name, find]) => {
      const settings = Object.hasOwn(services, name) ? services[name] : undefined;
      if (settings?.enabled === false) return [];
      return find(request, settings, settings && sourceOf(settings, request));
    }),
  ];
};

const builtIn: Record<
  string,
  (request: CredentialRequest, settings: ServiceSettings | undefined, source: LiveCredential | undefined) => Part[]
> = { github: githubService, npm: npmService };

const customService = (name: string, settings: ServiceSettings, request: CredentialRequest): Part[] => {
  if (settings.enabled === false) return [];
  const { hosts: written = [], user, variableInside, origin, write } = settings;
  const said = [settings.command, settings.variable, settings.file].filter((source) => source !== undefined);
  if (written.length === 0) throw errorOf("E_CONFIG_INVALID", origin, "it names no `hosts`");
  if (said.length !== 1) throw errorOf("E_CONFIG_INVALID", origin, "it needs one of `command`, `variable` and `file`");
  const live = sourceOf(settings, request);
  if (!live) return [{ notes: [`nothing is put in for the service ${name}: ${missing(settings)}`] }];
  const credential = `service ${name}`;
  const placeholder = placeholderOf(credential, "");
  const hosts = written.map((host) => (/:\d+$/.test(host) ? host : `${host}:443`));
  const isBasic = settings.scheme === "basic";
  return [
    {
      injections: [{ credential, placeholder, slots: [slotOf(settings)], hosts }],
      live: [[credential, live]],
      variables:
        variableInside === undefined ? [] : [{ name: variableInside, value: placeholder, origin: brokerOrigin }],
      gitCredentials:
        isBasic && user !== undefined
          ? hosts
              .filter((host) => !host.startsWith("*."))
              .map((host) => ({ url: `https://${host.replace(/:443$/, "")}`, user, password: placeholder }))
          : [],
      deny: write === false ? hosts.flatMap((host) => (isBasic ? noPush : readOnly)(host, origin)) : [],
    },
  ];
};

const missing = ({ variable, file }: ServiceSettings): string =>
  variable === undefined ? `${file} cannot be read` : `${variable} is not set`;

/** Everything that changes something, by the methods of RFC 9110. */
const readOnly = (host: string, origin: string): Rule[] => [{ value: `POST,PUT,PATCH,DELETE ${host}/`, origin }];

/** Git asks by POST, too, so of it only the push is denied, as deep as servers keep repositories (gitprotocol-http(5)). */
const noPush = (host: string, origin: string): Rule[] => [
  { value: `PUT,PATCH,DELETE ${host}/`, origin },
  ...[1, 2, 3, 4, 5].map((depth) => ({ value: `POST ${host}${"/*".repeat(depth)}/git-receive-pack`, origin })),
];

const schemes = { bearer: "Bearer", basic: "Basic", token: "token" } as const;

const slotOf = ({ header = "authorization", scheme = "bearer" }: ServiceSettings): Slot => ({
  header: header.toLowerCase(),
  ...(scheme !== "none" && { scheme: schemes[scheme] }),
});

/** Where a service's value comes from; undefined when nothing is said, or when it is not there. */
const sourceOf = (settings: ServiceSettings, request: CredentialRequest): LiveCredential | undefined => {
  const { command, variable, file, ttl } = settings;
  const ttlMs = ttl === undefined ? undefined : parseDurationMs(ttl);
  if (command !== undefined)
    return askedCredential(() => askCommand(command, request.host), ttlMs === undefined ? {} : { ttlMs });
  if (variable !== undefined) {
    const value = variablesOf(request)[variable];
    return value ? fixedCredential(value) : undefined;
  }
  if (file === undefined || inspectPath(file).kind !== "file") return undefined;
  return askedCredential(async () => readCredentialFile(file)?.trim() || undefined, { ttlMs: ttlMs ?? rereadMs });
};

/** How long the content of a file is taken for good. */
const rereadMs = 60_000;
