import path from "node:path";
import { askCommand } from "./command.ts";
import { placesOf, rulesAgainstMinting, rulesFor } from "./endpoints.ts";
import { parseObject, textOf } from "./formats/json-text.ts";
import type { Part } from "./found.ts";
import { askedCredential } from "./live.ts";
import { placeholderOf, providerOf } from "./providers.ts";
import { type CredentialRequest, variablesOf } from "./request.ts";
import { readCredentialFile } from "./store.ts";

/**
 * The program of the user's own settings that prints the agent's key, asked on the host when the key is needed, again
 * when it has become old, and when a server refuses it. Inside, the setting prints the placeholder instead (see
 * `projectSettings`), so the agent sends it in the headers of its choice. A project's setting is never asked here.
 */
export const findKeyHelper = (request: CredentialRequest): Part[] => {
  const { agent, host, states } = request;
  const { keyHelper } = agent ?? {};
  const state = states.find(({ directory }) => directory.path === keyHelper?.state);
  if (!agent || !keyHelper || !state) return [];
  const settings = parseObject(readCredentialFile(path.join(state.source, keyHelper.file)) ?? "");
  const command = textOf(settings?.[keyHelper.key]);
  const provider = providerOf(keyHelper.variable);
  if (command === undefined || !provider) return [];
  const { hosts, notes } = placesOf(provider, "key", request);
  const { variable: credential } = keyHelper;
  const ttlMs = Number(variablesOf(request)[keyHelper.ttl.variable]) || keyHelper.ttl.usualMs;
  return [
    {
      injections: [
        { credential, placeholder: placeholderOf(credential, provider.prefix), slots: [...provider.slots], hosts },
      ],
      live: [[credential, askedCredential(() => askCommand(command, host), { ttlMs })]],
      allow: rulesFor(hosts, agent, `${keyHelper.key} of ${agent.name}`),
      deny: rulesAgainstMinting(provider, hosts),
      notes,
    },
  ];
};
