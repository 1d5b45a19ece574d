import type { Reason } from "./host-state.ts";
import { isPlainName, quoteWord } from "./ref-name.ts";

/** One thing to know, and what to type about it. */
export type Hint = { text: string; command: string };

/** Pure. What to do with commits that were kept under a ref of cordon's because the branch could not move. */
export const explainKept = (name: string, ref: string, reason: Reason): Hint => {
  const branch = shortName(name);
  const kept = `the commits of \`${branch}\` are kept as \`${ref}\``;
  const target = quoteWord(ref);
  const merge = `git stash --include-untracked && git merge ${target}`;
  switch (reason.kind) {
    case "other-branch":
      return explainOther(name, ref, reason.now);
    case "moved":
      return {
        text: `\`${branch}\` has moved on the host: ${kept}; the stash then holds the same changes`,
        command: merge,
      };
    case "rewritten":
      return {
        text: `commits that the host has were rewritten: ${kept}; files stay as they are`,
        command: `git reset ${target}`,
      };
    case "staged":
      return {
        text: `changes are staged on the host: ${kept}; this unstages them, files stay as they are`,
        command: `git reset ${target}`,
      };
    case "busy":
      return { text: `a ${reason.operation} is in progress on the host: ${kept}; finish it first`, command: merge };
    case "gitlink":
      return {
        text: `a new submodule came in at \`${reason.path}\`: ${kept}; look at it first`,
        command: `git log --stat HEAD..${target}`,
      };
    case "too-large":
      return { text: `more changes than can be looked at: ${kept}`, command: `git log HEAD..${target}` };
    case "exists":
      return { text: `the host has another \`${branch}\`: ${kept}`, command: `git log ${target}` };
    case "name":
      return {
        text: `a ref has a name that is not fit for the host: it is kept as \`${ref}\``,
        command: `git log ${target}`,
      };
    case "session":
      return { text: kept, command: `git log ${target}` };
  }
};

const explainOther = (name: string, ref: string, now: string | undefined): Hint => {
  const host = now === undefined ? "no branch" : `\`${shortName(now)}\``;
  if (name === "HEAD")
    return { text: `commits of no branch are kept as \`${ref}\``, command: `git merge ${quoteWord(ref)}` };
  return {
    text: `the host has ${host} checked out by now: the commits of \`${shortName(name)}\` are kept as \`${ref}\``,
    command: `git fetch . ${quoteWord(`${ref}:${name}`)}`,
  };
};

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
