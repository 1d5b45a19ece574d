import type { Import } from "./import.ts";
import type { Entry } from "./placement.ts";
import type { PrivateRefs } from "./private-refs.ts";
import { carried } from "./unchanged.ts";

/** What is new inside. HEAD comes first: it must come over whatever else does not. */
export const selectEntries = (work: Import, { refs, branch, head, detached, stash }: PrivateRefs) => {
  const { base, limits } = work;
  const known = new Set([...Object.values(base.refs), base.head, ...(base.stash ?? [])]);
  const changed = Object.entries(refs)
    .filter(([name, id]) => carried.test(name) && base.refs[name] !== id)
    .map(([name, id]): Entry => ({ name, id }));
  const taken = new Set(changed.map(({ id }) => id));
  const loose = branch === undefined && head !== undefined && !known.has(head) && !taken.has(head);
  const others = (kind: "stash" | "worktrees", ids: string[]) =>
    ids.filter((id) => !known.has(id) && !taken.has(id) && id !== head).map((id): Entry => ({ name: kind, id }));
  const isMain = ({ name }: Entry) => name === (base.branch ?? "HEAD") || name === (branch ?? "HEAD");
  const all = [
    ...(loose ? [{ name: "HEAD", id: head }] : []),
    ...changed,
    ...others("stash", stash),
    ...others("worktrees", detached),
  ].sort((a, b) => Number(isMain(b)) - Number(isMain(a)));
  if (all.length <= limits.refs) return { entries: all, problems: [] };
  const problem = complain(work, `${all.length} refs are new, and at most ${limits.refs} come over`);
  return { entries: all.filter(isMain), problems: [problem] };
};

/** A sentence about what does not come over. */
export const complain = ({ directory }: Import, problem: string): string =>
  `commits stay in ${directory}, because ${problem}`;
