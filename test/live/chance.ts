/** A linear congruential generator: the same sequence for the same seed, everywhere. */
export const makeChance = (seed: number) => {
  let state = seed % 2147483648;
  const below = (limit: number): number => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor((state / 2147483648) * limit);
  };
  return { below, oneOf: <T>(list: readonly T[]): T => list[below(list.length)]! };
};

export type Chance = ReturnType<typeof makeChance>;

/** A shell's words for a branch that there is, which one only git knows. */
const someBranch = (chance: Chance): string =>
  `$(git for-each-ref --format='%(refname:short)' refs/heads | sed -n "$((${chance.below(97)} % $(git for-each-ref refs/heads | wc -l) + 1))p")`;

/** One thing that somebody does with git, as shell words. It may fail: git refuses some of them in some states. */
export const gitStep = (chance: Chance, id: string, side: "host" | "agent"): string => {
  const file = `${side}${chance.below(3)}.txt`;
  const shared = `shared${chance.below(2)}.txt`;
  const branch = someBranch(chance);
  const tree = side === "host" ? `../tree-${id}` : `/tmp/tree-${id}`;
  const commit = `echo ${id} >> ${file}; git add ${file}; git commit -q -m ${id}`;
  const steps = [
    ...[commit, commit, commit, `echo ${id} >> ${shared}; git add ${shared}; git commit -q -m ${id}`],
    `echo ${id} >> ${file}; git commit -q -a -m ${id}`,
    `echo ${id} > new-${id}; git add -A; git commit -q -m ${id}`,
    `git commit -q --amend --allow-empty -m ${id}`,
    `git branch b-${id}`,
    `git branch -q -f ${branch} HEAD`,
    `git branch -q -D ${branch}`,
    `git branch -q -m ${branch} m-${id}`,
    // Both sides on the same two branches, at the same time or one after the other.
    ...["main", "side"].map((name) => `git switch -q -f ${name}; ${commit}`),
    `git switch -q -c s-${id}`,
    ...[`git switch -q ${branch}`, `git switch -q -f ${branch}`, `git switch -q -m ${branch}`],
    `git checkout -q --detach; ${commit}`,
    ...[`git merge -q --no-edit ${branch} || git merge --abort`, `git merge -q --no-edit ${branch}`],
    "git merge --abort",
    `git rebase -q ${branch} || git rebase --abort`,
    `git cherry-pick ${branch} || git cherry-pick --abort`,
    "git revert --no-edit HEAD || git revert --abort",
    ...[`echo ${id} >> ${file}; git stash -q`, "git stash -q -u", "git stash pop -q", "git stash drop -q"],
    ...[`git rm -q -f ${file}; git commit -q -m ${id}`, `git mv ${file} moved-${id}; git commit -q -m ${id}`],
    ...[`git tag t-${id}`, `git tag -a -m ${id} a-${id}`, `git tag -f moving`],
    ...["git reset -q HEAD~1", "git reset -q --soft HEAD~1", "git reset -q --hard HEAD~1", "git reset -q --hard"],
    ...[
      `echo ${id} >> ${file}`,
      `echo ${id} > loose-${id}`,
      `echo ${id} >> ${shared}; git add ${shared}`,
      "git add -A",
    ],
    ...["git gc -q --prune=now", "git pack-refs --all", "git reflog expire --expire=now --all; git prune"],
    `git worktree add -q -b w-${id} ${tree}; (cd ${tree}; ${commit})`,
    `git worktree add -q --detach ${tree}; (cd ${tree}; ${commit})`,
    "git worktree remove -f $(git worktree list --porcelain | sed -n 's/^worktree //p' | tail -n +2 | tail -1)",
    `git notes add -f -m ${id} HEAD`,
    `git checkout -q --orphan o-${id}; git commit -q --allow-empty -m ${id}`,
  ];
  return chance.oneOf(steps);
};
