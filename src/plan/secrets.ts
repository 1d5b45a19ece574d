import path from "node:path";
import { errorOf } from "../errors.ts";
import type { Policy } from "../policy.ts";
import { describeGap, describeSecrets, findSecrets } from "../workspace/mask.ts";

export type HiddenSecrets = {
  policy: Policy;
  /** Relative to the project's top. */
  paths: string[];
  /** What the person is told at the start; undefined when nothing is hidden. */
  note: string | undefined;
};

/**
 * The policy with the secrets of a project among what it hides, when somebody asks for that. A file that a rule shows by its
 * own name stays. Throws E_SECRETS_UNHIDDEN when one of them could not be hidden: a mask that misses one is none.
 */
export const hideSecrets = (policy: Policy, project: string): HiddenSecrets => {
  const { hideSecrets: asked, read, write, hide } = policy.filesystem;
  if (!asked) return { policy, paths: [], note: undefined };
  const found = findSecrets(project);
  const gap = describeGap(found);
  if (gap) throw errorOf("E_SECRETS_UNHIDDEN", gap, asked.origin);
  const named = new Set([...read, ...write].map(({ value }) => value));
  const paths = found.paths.filter((name) => !named.has(path.join(project, name)));
  const origin = `filesystem.hide-secrets, ${asked.origin}`;
  const rules = paths.map((name) => ({ value: path.join(project, name), origin }));
  return {
    policy: { ...policy, filesystem: { ...policy.filesystem, hide: [...hide, ...rules] } },
    paths,
    note: describeSecrets({ paths }),
  };
};
