import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createLiveLab, hintsIn, type LiveLab, users } from "./lab.ts";

setDefaultTimeout(60_000);

const commit = (file: string): string => `echo ${file} > ${file}; git add ${file}; git commit -q -m ${file}`;

let count = 0;

type Case = {
  name: string;
  /** On the host before the run. */
  before?: string;
  /** By the agent, on the host while it works, by the agent again. */
  agent: string;
  meanwhile?: string;
  then?: string;
  /** On the host after the run, before the hint's command. */
  settle?: string;
  /** What the sentence holds. */
  says: string;
  /** Subjects on the host's HEAD before and after the hint's command. */
  kept: string;
  after: string;
  status: string;
  /** Whether the hint is gone in the next run. */
  isOver?: boolean;
};

/** Each way in which commits cannot simply come to the branch, and what cordon says to type. */
const cases: Case[] = [
  {
    name: "the host has committed to the same branch",
    agent: commit("b"),
    meanwhile: `pwd; ${commit("h")}`,
    says: "has moved on the host",
    kept: "h one",
    after: "Merge b h one",
    status: "## main",
  },
  {
    name: "the host has committed, and has changes of its own",
    before: "seq 9 > c; git add c; git commit -qm c; echo mine >> c; echo new > mine",
    agent: commit("b"),
    meanwhile: commit("h"),
    says: "has moved on the host",
    kept: "h c one",
    after: "Merge b h c one",
    status: "## main",
  },
  {
    name: "the host has taken a commit back",
    before: `${commit("c")}; ${commit("d")}`,
    agent: commit("b"),
    meanwhile: "git reset -q --hard HEAD~1",
    says: "has moved on the host",
    kept: "c one",
    after: "b d c one",
    status: "## main",
  },
  {
    name: "the host has another branch checked out",
    agent: commit("b"),
    meanwhile: "git switch -qc other",
    says: "the host has `other` checked out",
    kept: "one",
    after: "one",
    status: "## other\n?? b",
  },
  {
    name: "the host has another branch checked out, and has committed to the first",
    agent: commit("b"),
    meanwhile: `${commit("h")}; git switch -qc other HEAD~1`,
    says: "the host has another `main`",
    kept: "one",
    after: "one",
    status: "## other\n?? b",
    isOver: false,
  },
  {
    name: "the host has checked out no branch",
    agent: commit("b"),
    meanwhile: "git switch -q --detach",
    says: "no branch",
    kept: "one",
    after: "one",
    status: "## HEAD (no branch)\n?? b",
  },
  {
    name: "commits that the host has were rewritten",
    before: commit("h"),
    agent: "echo x > x; git add x; git commit -q --amend -m amended",
    says: "rewritten",
    kept: "h one",
    after: "amended one",
    status: "## main",
  },
  {
    name: "the host has staged something else for a file that was committed",
    agent: "echo x > a.txt; git commit -qam x",
    meanwhile: "echo s > a.txt; git add a.txt",
    says: "staged",
    kept: "one",
    after: "x one",
    status: "## main\n M a.txt",
  },
  {
    name: "the host had staged something else for a file that was committed",
    before: "echo s > s; git add s; echo new > s",
    agent: "git commit -qam s",
    says: "staged",
    kept: "one",
    after: "s one",
    status: "## main",
  },
  {
    name: "the host is in the middle of a merge",
    before: `git switch -qc side; echo s > a.txt; git commit -qam s; git switch -q main; echo m > a.txt; git commit -qam m
      git merge -q side >/dev/null || true`,
    agent: "echo both > a.txt; git commit -qam merged",
    settle: "git commit -qam ours",
    says: "a merge is in progress",
    kept: "m one",
    after: "Merge merged ours s m one",
    status: "## main",
  },
  {
    name: "a submodule was added",
    agent: "git init -q sub; (cd sub; git commit -q --allow-empty -m s); git add sub 2>/dev/null; git commit -qm sub",
    says: "a new submodule came in at `sub`",
    kept: "one",
    after: "one",
    status: "## main\n?? sub/",
    isOver: false,
  },
  {
    name: "the host has made a branch of the same name",
    agent: `git switch -qc feat; ${commit("b")}; git switch -q main`,
    meanwhile: `git switch -qc feat; ${commit("h")}; git switch -q main`,
    says: "the host has another `feat`",
    kept: "one",
    after: "one",
    status: "## main",
    isOver: false,
  },
  {
    name: "the host has made a branch of the same name at an older commit",
    agent: `git switch -qc feat; ${commit("b")}; git switch -q main`,
    meanwhile: "git branch feat",
    says: "this moves it forward",
    kept: "one",
    after: "one",
    status: "## main",
  },
  {
    name: "a branch that is not checked out was rewritten inside",
    before: `git switch -qc feat; ${commit("f")}; git switch -q main`,
    agent: "git switch -q feat; git commit -q --amend -m better; git switch -q main",
    says: "rewritten",
    kept: "one",
    after: "one",
    status: "## main",
  },
  {
    name: "commits were made on no branch",
    agent: `git switch -q --detach; ${commit("b")}`,
    says: "commits of no branch",
    kept: "one",
    after: "b one",
    status: "## main",
  },
  {
    name: "commits were made on no branch, and the host has committed",
    agent: `git switch -q --detach; ${commit("b")}`,
    meanwhile: commit("h"),
    says: "commits of no branch",
    kept: "h one",
    after: "Merge b h one",
    status: "## main",
  },
];

/** What is staged is in the commit as it is, or has nothing to do with it. */
const staged: { name: string; before?: string; agent: string; meanwhile?: string; log: string; status: string }[] = [
  {
    name: "just that is committed",
    before: "echo s > s; git add s; echo two >> a.txt; git add a.txt",
    agent: "git commit -qm staged",
    log: "staged one",
    status: "## main",
  },
  {
    name: "some of it is committed",
    before: "echo s > s; git add s; echo two >> a.txt; git add a.txt",
    agent: "git commit -qm part -- a.txt",
    log: "part one",
    status: "## main\nA  s",
  },
  {
    name: "a file is staged for its end, and that is committed with another one",
    before: "echo x > x; git add x; git commit -qm x; git rm -q x",
    agent: commit("b"),
    log: "b x one",
    status: "## main",
  },
  {
    name: "another file had been staged",
    before: "echo s > s; git add s; echo newer > s; git add -N a.txt",
    agent: "echo b > b; git add b; git commit -qm b -- b",
    log: "b one",
    status: "## main\nAM s",
  },
  {
    name: "the host stages another file",
    agent: commit("b"),
    meanwhile: "echo s > s; git add s; echo two >> a.txt; git add a.txt",
    log: "b one",
    status: "## main\nM  a.txt\nA  s",
  },
];

for (const { name: userName, uid } of users) {
  describe(`the branch moves, and what is staged stays so, as ${userName}`, () => {
    let lab: LiveLab;
    beforeAll(() => {
      lab = createLiveLab(uid);
    });
    afterAll(() => lab.close());
    test.each(staged)("$name", async ({ before, agent, meanwhile, log, status }) => {
      const place = `s${count++}`;
      lab.create(place);
      if (before) lab.host(place, before);
      const run = lab.start(place, `${agent}; pause done`);
      await run.reached("done");
      if (meanwhile) lab.host(place, meanwhile);
      run.resume();
      expect({ code: await run.ended, hints: hintsIn(run.stderr()) }).toEqual({ code: 0, hints: [] });
      expect(lab.host(place, "git log --format=%s").split("\n").join(" ")).toBe(log);
      expect(lab.host(place, "git status --porcelain --branch")).toBe(status);
      expect(lab.inside(place, "git status --porcelain --branch").stdout.trimEnd()).toBe(status);
      expect(lab.host(place, "git fsck --strict --no-dangling")).toBe("");
    });
  });
}

for (const { name: userName, uid } of users) {
  describe(`when the branch cannot move, as ${userName}`, () => {
    let lab: LiveLab;
    let number = 0;
    beforeAll(() => {
      lab = createLiveLab(uid);
    });
    afterAll(() => lab.close());
    const subjects = (place: string) =>
      lab
        .host(place, "git log --topo-order --format=%s")
        .replace(/^Merge .*$/gm, "Merge")
        .split("\n")
        .join(" ");

    test.each(cases)(
      "$name",
      async ({ before, agent, meanwhile, settle, says, kept, after, status, isOver = true }) => {
        const place = `p${number++}`;
        lab.create(place);
        if (before) lab.host(place, before);
        const run = lab.start(place, `${agent}; git rev-parse HEAD; pause done`);
        await run.reached("done");
        if (meanwhile) lab.host(place, meanwhile);
        const files = lab.host(
          place,
          "find . -path ./.git -prune -o -path ./sub -prune -o -type f -exec sha1sum {} + | sort",
        );
        run.resume();
        expect({ code: await run.ended, stderr: run.stderr() }).toMatchObject({ code: 0 });
        expect(run.stderr()).toContain(says);
        expect(subjects(place)).toBe(kept);
        const hints = hintsIn(run.stderr());
        expect(hints).toHaveLength(1);
        if (settle) lab.host(place, settle);
        const said = lab.host(place, `${hints[0]} 2>&1`);
        expect({ said, log: subjects(place) }).toEqual({ said, log: after });
        expect(lab.host(place, "git status --porcelain --branch")).toBe(status);
        const tip = run.stdout().match(/[0-9a-f]{40}/)![0];
        expect(lab.host(place, `git for-each-ref --contains ${tip} --format='%(refname)' | head -1`)).not.toBe("");
        expect(lab.host(place, "git fsck --strict --no-dangling")).toBe("");
        // Nothing that stood in the working tree is gone: what is not there lies in the stash.
        if (!settle && lab.host(place, "git stash list") === "")
          expect(
            lab.host(place, "find . -path ./.git -prune -o -path ./sub -prune -o -type f -exec sha1sum {} + | sort"),
          ).toBe(files);
        expect(hintsIn(lab.inside(place, "git status").stderr)).toEqual(isOver ? [] : hints);
      },
    );
  });
}
