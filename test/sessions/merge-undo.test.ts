import { expect, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { type Lab, lines, stateOf, withLab, workIn } from "./merge-lab.ts";
import { trapGit } from "./merge-trap.ts";

/** Merges that fail on the way, while cordon lives. */

const simple = (lab: Lab) =>
  workIn(lab, "fix", (agent) => {
    agent.commit({ "a.txt": lines("a", { 0: "agent" }), "deep/n.txt": lines("n"), "m.txt": "m\n" });
    fs.rmSync(path.join(agent.top, "b.txt"));
  });

/** Times differ: git writes a file anew to put it back. */
const timeless = (state: string) => state.replace(/^(\S+ \d+) [\d.]+ /gm, "$1 ");
const withoutObjects = (state: string) =>
  state.replace(/^(count|size|in-pack|packs|size-pack|prune-packable|garbage|size-garbage): \d+$/gm, "");
const plain = (lab: Lab) => withoutObjects(timeless(stateOf(lab)));

test("a full disk: what was written goes back", () =>
  withLab(async (lab) => {
    const session = simple(lab);
    const before = plain(lab);
    const host = trapGit(
      lab,
      `case "$words" in *" read-tree -m -u "*)
        $real "$@"; cd ${lab.top} && rm -f m.txt && head -c 9 a.txt > t && cat t > a.txt && rm t
        echo "error: unable to write file a.txt: No space left on device" >&2; exit 128 ;; esac`,
    );
    const refused = await lab.merge(session, { host });
    expect(refused).toMatchObject({ kind: "refused", code: "failed" });
    expect((refused as { why: string }).why).toContain("No space left on device; nothing has changed");
    expect(plain(lab)).toBe(before);
    expect(await lab.merge(session)).toMatchObject({ kind: "merged", head: session.tip });
  }));

test("the branch moves in the same moment: the files go back, and the commit of the other stays", () =>
  withLab(async (lab) => {
    const session = simple(lab);
    const start = lab.git("rev-parse", "HEAD");
    const host = trapGit(
      lab,
      `case "$words" in *" update-ref -m "*)
        $user commit -q --allow-empty -m other < /dev/null ;; esac`,
    );
    expect(await lab.merge(session, { host })).toMatchObject({ kind: "refused", code: "moved" });
    expect(lab.git("rev-parse", "HEAD~1")).toBe(start);
    expect(lab.git("status", "--porcelain")).toBe("");
    expect(await lab.merge(session)).toMatchObject({ kind: "merged", how: "merge" });
  }));

test("another branch is checked out in the same moment", () =>
  withLab(async (lab) => {
    const session = simple(lab);
    lab.git("branch", "other");
    const host = trapGit(
      lab,
      `case "$words" in *" read-tree -m -u "*) $real "$@"; $user symbolic-ref HEAD refs/heads/other; exit 0 ;; esac`,
    );
    expect(await lab.merge(session, { host })).toMatchObject({ kind: "refused", code: "moved" });
    expect(lab.git("status", "--porcelain")).toBe("");
    expect(lab.git("rev-parse", "main")).toBe(lab.git("rev-parse", "other"));
  }));

test("the user saves a file in the same moment: git refuses, and the file is the user's", () =>
  withLab(async (lab) => {
    const session = simple(lab);
    const host = trapGit(lab, `case "$words" in *" read-tree -m -u "*) echo mine > ${lab.top}/a.txt ;; esac`);
    expect(await lab.merge(session, { host })).toMatchObject({ kind: "refused", code: "failed" });
    expect(lab.get("a.txt")).toBe("mine\n");
    expect(lab.git("status", "--porcelain")).toBe(" M a.txt");
  }));

test("the user stages another file in the same moment: the index has both", () =>
  withLab(async (lab) => {
    const session = simple(lab);
    const host = trapGit(
      lab,
      `case "$words" in *" update-ref -m "*) echo s > ${lab.top}/s.txt; $user add s.txt ;; esac`,
    );
    expect(await lab.merge(session, { host })).toMatchObject({ kind: "merged", head: session.tip });
    expect(lab.git("status", "--porcelain")).toBe("A  s.txt");
  }));

test(
  "an index that stays locked is told, and followed by the next merge",
  () =>
    withLab(async (lab) => {
      const session = simple(lab);
      const lock = path.join(lab.top, ".git/index.lock");
      const host = trapGit(lab, `case "$words" in *" update-ref -m "*) : > ${lock} ;; esac`);
      const merged = await lab.merge(session, { host });
      expect(merged).toMatchObject({ kind: "merged", head: session.tip });
      expect((merged as { problem: string }).problem).toContain("git reset");
      expect(await lab.merge(session)).toMatchObject({ kind: "refused", code: "busy" });
      fs.rmSync(lock);
      expect(await lab.merge(session)).toEqual({ kind: "nothing" });
      expect(lab.git("status", "--porcelain")).toBe("");
    }),
  60_000,
);
