import type { Reason } from "./host-state.ts";
import { isPlainName, quoteWord } from "./ref-name.ts";

/** One thing to know, and what to type about it. */
export type Hint = { text: string; command: string };

/** Pure. What to do with commits that were kept under a ref of cordon's because the branch could not move. */
export const explainKept = (name: string, ref: string, reason: Reason): Hint => {
  const branch = shortName(name);
  const kept = `the commits of \`${branch}\` are kept as \`${ref}\``;
  const target = quoteWord(ref);
  const look = (text: string): Hint => ({ text, command: `git log ${target}` });
  switch (reason.kind) {
    case "other-branch":
      return explainOther(name, ref, reason.now);
    case "no-branch":
      return explainLoose(ref, reason.isAhead);
    case "moved":
      return byMerge(`\`${branch}\` has moved on the host: ${kept}`, target, reason.isRelated);
    case "rewritten":
      return byReset(`commits that the host has were rewritten: ${kept}`, target);
    case "checked-out":
      return explainTree(branch, kept, target, reason);
    case "rewritten-aside":
      return {
        text: `commits that the host has were rewritten: ${kept}`,
        command: `git branch --force ${quoteWord(name.replace(/^refs\/heads\//, ""))} ${target}`,
      };
    case "staged":
      return byReset(`changes are staged on the host: ${kept}; this unstages them`, target);
    case "busy": {
      const { command } = byMerge("", target);
      return { text: `a ${reason.operation} is in progress on the host: ${kept}; finish it first`, command };
    }
    case "gitlink":
      return {
        text: `a new submodule came in at \`${reason.path}\`: ${kept}; look at it first`,
        command: `git log --stat HEAD..${target}`,
      };
    case "too-large":
      return { text: `more changes than can be looked at: ${kept}`, command: `git log HEAD..${target}` };
    case "exists":
      return reason.isAhead
        ? byFetch(`the host has another \`${branch}\`: ${kept}; this moves it forward`, name, ref)
        : look(`the host has another \`${branch}\`: ${kept}`);
    case "name":
      return look(`a ref has a name that is not fit for the host: it is kept as \`${ref}\``);
    case "session":
      return look(kept);
  }
};

/** The working tree has the commits' files already, so that git would not let a merge write them; `tree` names another one. */
const byMerge = (text: string, target: string, isRelated = true, tree = ""): Hint => ({
  text: `${text}; the stash then holds the files as they were`,
  command: `git${tree} stash --include-untracked && git${tree} merge ${target}${isRelated ? "" : " --allow-unrelated-histories"}`,
});

const byReset = (text: string, target: string, tree = ""): Hint => ({
  text: `${text}; files stay as they are`,
  command: `git${tree} reset ${target}`,
});

const explainLoose = (ref: string, isAhead: boolean): Hint => {
  const text = `commits of no branch are kept as \`${ref}\`; this brings them to what is checked out`;
  return isAhead ? byReset(text, quoteWord(ref)) : byMerge(text, quoteWord(ref));
};

const explainTree = (
  branch: string,
  kept: string,
  target: string,
  { place, isAhead }: { place: string; isAhead: boolean },
): Hint => {
  const tree = ` -C ${quoteWord(place)}`;
  const text = `\`${branch}\` is checked out in another working tree: ${kept}`;
  return isAhead ? byReset(text, target, tree) : byMerge(text, target, true, tree);
};

const explainOther = (name: string, ref: string, now: string | undefined): Hint => {
  const host = now === undefined ? "no branch" : `\`${shortName(now)}\``;
  const kept = `the commits of \`${shortName(name)}\` are kept as \`${ref}\``;
  return byFetch(`the host has ${host} checked out by now: ${kept}; this moves it forward`, name, ref);
};

/** git moves a branch by it only forward, and none that is checked out. */
const byFetch = (text: string, name: string, ref: string): Hint => ({
  text,
  command: `git fetch . ${quoteWord(`${ref}:${name}`)}`,
});

/** Files on the host are those of a branch that its HEAD does not name. */
export const explainSwitch = (branch: string): Hint => ({
  text: `inside, \`${shortName(branch)}\` was checked out last: the files are those of it; this makes it the host's branch`,
  command: `git symbolic-ref HEAD ${quoteWord(branch)} && git reset`,
});

export const explainStash = (refs: string[]): Hint => ({
  text: refs.length === 1 ? "a stash entry was left" : `${refs.length} stash entries were left`,
  command: `git stash apply ${quoteWord(refs[0]!)}`,
});

const shortName = (name: string): string =>
  name === "HEAD" ? "HEAD" : isPlainName(name) ? name.replace(/^refs\/(heads|tags)\//, "") : "?";
