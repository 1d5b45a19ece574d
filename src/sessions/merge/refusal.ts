import type { Conflict } from "./tree.ts";

/** Why a merge was not made. Nothing has changed on the host then, but where `interrupted` says so. */
export type RefusalCode =
  | "locked"
  | "busy"
  | "staged"
  | "local-changes"
  | "untracked"
  | "gitlink"
  | "collision"
  | "identity"
  | "signing"
  | "unknown-commit"
  | "unknown-path"
  | "git-old"
  | "too-large"
  | "moved"
  | "interrupted"
  | "failed";

/** Paths are spelled as `name-bytes.ts` does: whoever prints them escapes them. `why` and `hint` are fit to be printed. */
export type Refused = { kind: "refused"; code: RefusalCode; why: string; paths: string[]; hint: string };
export type Conflicting = { kind: "conflict"; conflicts: Conflict[]; hint: string };

/** Carries an answer out of the depth of a merge; `mergeSession` catches it. */
export class MergeStop extends Error {
  readonly answer: Refused | Conflicting;

  constructor(answer: Refused | Conflicting) {
    super(answer.kind === "refused" ? answer.why : "conflicts");
    this.answer = answer;
  }
}

/** Throws a refusal. */
export const refuse = (code: RefusalCode, why: string, hint: string, paths: string[] = []): never => {
  throw new MergeStop({ kind: "refused", code, why, paths, hint });
};
