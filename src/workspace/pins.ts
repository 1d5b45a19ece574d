import { type GitCall, runGit } from "./git.ts";
import { isObjectId, type Refs } from "./refs.ts";

/**
 * References on the host that hold what a private git directory builds on, so that no `git gc` takes it away before
 * the work has come back.
 */

/** More than that are not pinned one by one: tags then stay out, because nobody deletes them and then builds on them. */
const maxWithTags = 256;

/** The object ids that have to be held for these references; each once. */
export const tipsOf = (refs: Refs, heads: (string | undefined)[] = []): string[] => {
  const all = (keep: (name: string) => boolean) => [
    ...new Set(
      [...heads, ...[...refs].filter(([name]) => keep(name)).map(([, { value }]) => value)].filter(
        (value): value is string => value !== undefined && isObjectId(value),
      ),
    ),
  ];
  const tips = all(() => true);
  return tips.length <= maxWithTags ? tips : all((name) => !name.startsWith("refs/tags/"));
};

/** The pins of a run: `refs/cordon/ID/base/OBJECT`, each with the object it holds. */
export const pinnedRefs = (id: string, tips: string[]): { name: string; tip: string }[] => {
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(id)) throw new Error("the id of a run is letters, digits, - and _");
  return tips.filter(isObjectId).map((tip) => ({ name: `refs/cordon/${id}/base/${tip}`, tip }));
};

/** Makes the pins. Objects that the host does not have are left out; returns how many were. Throws when git fails. */
export const pinTips = async (call: GitCall, id: string, tips: string[]): Promise<number> => {
  if (tips.length === 0 || (await updateRefs(call, lines(id, tips)))) return 0;
  const input = `${tips.join("\n")}\n`;
  const checked = await runGit(["cat-file", "--batch-check=%(objectname) %(objecttype)"], { ...call, input });
  const found = new Set(checked.text.split("\n").filter((line) => !line.endsWith(" missing")));
  const present = tips.filter((tip) => ["commit", "tag", "tree", "blob"].some((kind) => found.has(`${tip} ${kind}`)));
  if (!(await updateRefs(call, lines(id, present)))) throw new Error("git cannot write references");
  return tips.length - present.length;
};

/** Takes all pins of a run away that stand among these references of the host. Throws when git fails. */
export const unpinTips = async (call: GitCall, id: string, refs: Refs): Promise<void> => {
  const prefix = `refs/cordon/${id}/base/`;
  const input = [...refs.keys()].filter((name) => name.startsWith(prefix)).map((name) => `delete ${name}\n`);
  if (input.length > 0 && !(await updateRefs(call, input.join("")))) throw new Error("git cannot remove references");
};

const lines = (id: string, tips: string[]): string =>
  pinnedRefs(id, tips)
    .map(({ name, tip }) => `update ${name} ${tip}\n`)
    .join("");

const updateRefs = async (call: GitCall, input: string): Promise<boolean> =>
  (await runGit(["update-ref", "--stdin"], { ...call, config: ["core.logAllRefUpdates=false"], input })).code === 0;
