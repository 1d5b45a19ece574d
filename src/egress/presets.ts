import type { NetworkPreset, Preset, Rule } from "../policy.ts";

/** Which sets of hosts a preset brings, besides the agent's own. `strict` is the agent's own API alone. */
export const networkPresetsOf: Record<Preset, readonly NetworkPreset[]> = {
  open: ["registries", "git-hosts"],
  standard: ["registries", "git-hosts"],
  strict: [],
};

/**
 * Where code is cloned from: over HTTPS and over ssh. Their API and paste
 * hosts are left out on purpose: with a token of somebody else's, these take any text that an agent is made to send.
 */
const gitHosts = [
  ...["github.com", "gitlab.com", "bitbucket.org", "codeberg.org"].flatMap((host) => [`${host}:443`, `${host}:22`]),
  // Archives, raw files, release assets and large files of clones; all of them only answer.
  ...["codeload.github.com:443", "*.githubusercontent.com:443", "github-cloud.s3.amazonaws.com:443"],
  ...["git.sr.ht:443", "git.sr.ht:22"],
];

export const gitHostRules = (): Rule[] => gitHosts.map((value) => ({ value, origin: "preset git-hosts" }));

/** The hosts of an agent's own API. A host that carries a port keeps it. */
export const agentRules = ({ name, hosts }: { name: string; hosts: readonly string[] }): Rule[] =>
  hosts.map((host) => ({ value: host.includes(":") ? host : `${host}:443`, origin: `agent ${name}` }));
