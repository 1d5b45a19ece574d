import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Chance, gitStep, makeChance } from "./chance.ts";
import { createLiveLab, hintsIn, inventory, type LiveLab, users } from "./lab.ts";

/**
 * Random sequences of what host and agent do to one repository, run after run, also at the same time, also with cordon
 * killed at the end. `SEED` chooses others, `ROUNDS` how long they are.
 */

setDefaultTimeout(600_000);

const seeds = process.env["SEED"] ? process.env["SEED"].split(",").map(Number) : [6, 2025];
const rounds = Number(process.env["ROUNDS"] ?? 9);

/** Commits that something leads to: a ref, a stash entry, a working tree's HEAD. */
const reachable = `git rev-list --all HEAD $(git stash list --format=%H) \\
  $(git worktree list --porcelain | sed -n '/^HEAD 0*$/d; s/^HEAD //p')`;
const files = "find . -name .git -prune -o -type f -exec sha1sum {} + | sort";
const whole = "git fsck --strict --no-dangling 2>&1 | grep -v '^notice' || true";
/** Each on its own, whatever becomes of it. */
const tolerant = (steps: string[]): string => steps.map((step) => `{ ${step}; } >/dev/null 2>&1 || true`).join("\n");

type Game = {
  lab: LiveLab;
  place: string;
  chance: Chance;
  trace: string[];
  /** Commits that the host itself has let go of. */
  dropped: Set<string>;
  /** And the agent. */
  droppedInside: Set<string>;
  /** What the agent had at the end of the last run. */
  inside: string[];
  hints: string[];
};

const linesOf = (text: string): string[] => text.split("\n").filter(Boolean);
const without = (list: string[], ...others: Iterable<string>[]): string[] => {
  const all = new Set(others.flatMap((other) => [...other]));
  return list.filter((one) => !all.has(one));
};

const onHost = ({ lab, place }: Game): string[] => linesOf(lab.host(place, reachable));
/** What the host has by itself, not only because cordon keeps it. */
const ofHost = ({ lab, place }: Game): string[] =>
  linesOf(lab.host(place, reachable.replace("--all", "--exclude='refs/cordon/*' --all")));

const hostSteps = (game: Game, count: number, id: string): void => {
  const { lab, place, chance, trace, hints } = game;
  const before = onHost(game);
  const steps = Array.from({ length: count }, (_, at) =>
    hints.length > 0 && chance.below(4) === 0 ? hints.shift()! : gitStep(chance, `h${id}${at}`, "host"),
  );
  trace.push(...steps.map((step) => `host: ${step}`));
  lab.host(place, `exec </dev/null\n${tolerant(steps)}`);
  for (const commit of without(before, onHost(game))) game.dropped.add(commit);
};

/** Not when they were written: the host's own git writes its settings anew when a branch goes. */
const guarded = ({ lab, place }: Game): string[] =>
  inventory(lab.at(place, ".git")).flatMap((line) => {
    const [name = "", mode, , hash] = line.split(" ");
    return /^(config|hooks\/.*)$/.test(name) ? [`${name} ${mode} ${hash}`] : [];
  });

/** What the host has by itself must stay; what is kept for the agent may go when the agent has let go of it. */
const lostOnHost = (game: Game, all: string[], own: string[]): string[] => {
  const now = onHost(game);
  return [...without(own, now), ...without(all, now, game.droppedInside)];
};

/** Branches and tags of the host; cordon may add some, and move branches forward. */
const refsOf = ({ lab, place }: Game): Map<string, string> => {
  const listed = linesOf(lab.host(place, "git for-each-ref --format='%(refname) %(objectname)' refs/heads refs/tags"));
  return new Map(listed.map((line) => line.split(" ") as [string, string]));
};
const notForward = ({ lab, place }: Game, before: Map<string, string>, after: Map<string, string>): string[] => {
  const changed = [...before].filter(([name, id]) => after.get(name) !== id);
  const isForward = ([name, id]: [string, string]) =>
    name.startsWith("refs/heads/") &&
    after.has(name) &&
    lab.host(place, `git merge-base --is-ancestor ${id} ${after.get(name)} || echo no`) === "";
  return changed.filter((entry) => !isForward(entry)).map(([name]) => name);
};

/** What is staged, by path, as `MODE ID`, and as nothing what is staged for its end. */
const stagedIn = ({ lab, place }: Game): Map<string, string> => {
  const rows = linesOf(lab.host(place, "git diff --cached --raw --no-renames --no-abbrev --ita-visible-in-index"));
  return new Map(
    rows.map((row) => {
      const [, mode, , id, rest = ""] = row.split(" ");
      const [letter, name = ""] = rest.split("\t");
      return [name, letter === "D" ? "" : `${mode} ${id}`];
    }),
  );
};

/** What was staged is still in the index, whether a commit has it by now or not, and nothing else is staged. */
const wrongIn = (game: Game, before: Map<string, string>): string[] => {
  const rows = linesOf(game.lab.host(game.place, "git ls-files --stage")).map((row) => row.split(/[ \t]/));
  const index = new Map(rows.map(([mode, id, , name]) => [name!, `${mode} ${id}`]));
  const lost = [...before].filter(([name, entry]) => (index.get(name) ?? "") !== entry).map(([name]) => `lost ${name}`);
  const added = [...stagedIn(game).keys()].filter((name) => !before.has(name)).map((name) => `new ${name}`);
  return [...lost, ...added];
};

/** What was played stands below what is wrong. */
const expectSame = <T>({ trace }: Game, facts: T, expected: T): void => {
  if (Bun.deepEquals(facts, expected)) expect(facts).toEqual(expected);
  else expect({ ...facts, trace }).toEqual({ ...expected, trace: [] as string[] });
};

/** One run: the agent's steps, the host's at the same time, then the end or a kill. */
const playRound = async (game: Game, round: number): Promise<void> => {
  const { lab, place, chance, trace, dropped } = game;
  const [isTogether, isKilled] = [chance.below(3) === 0, chance.below(6) === 0];
  const steps = (name: string) =>
    Array.from({ length: 1 + chance.below(4) }, (_, at) => gitStep(chance, `${name}${round}${at}`, "agent"));
  const [early, late] = [steps("a"), steps("z")];
  trace.push(`-- round ${round}`, ...early.map((step) => `inside: ${step}`));
  const [settings, look, refs] = [guarded(game), lab.host(place, files), refsOf(game)];
  const [ours, mine] = [onHost(game), ofHost(game)];
  const script = `{ ${files}; echo ==; ${reachable}; echo ==; } 2>&1\n${tolerant(early)}
    pause middle\n${tolerant(late)}\n{ echo ==; ${reachable}; echo ==; ${whole}; echo ==; ${files}; echo ==; } 2>&1\npause end`;
  const run = lab.start(place, script);
  await run.reached("middle");
  expectSame(
    game,
    { lost: lostOnHost(game, ours, mine), moved: notForward(game, refs, refsOf(game)), settings: guarded(game) },
    { lost: [], moved: [], settings },
  );
  if (isTogether) hostSteps(game, 1 + chance.below(3), `${round}m`);
  trace.push(...late.map((step) => `inside: ${step}`));
  run.resume();
  await run.reached("end");
  const [atHost, own, index, branches] = [onHost(game), ofHost(game), stagedIn(game), refsOf(game)];
  if (isKilled) run.kill();
  else run.resume();
  const code = await run.ended;
  trace.push(`ended with ${code}: ${run.stderr()}`);
  const [firstFiles = "", start = "", , end = "", complaints = "", lastFiles = ""] = run.stdout().split("==\n");
  const now = onHost(game);
  for (const commit of without(linesOf(start), linesOf(end))) game.droppedInside.add(commit);
  expectSame(
    game,
    {
      code,
      complaints,
      // What there was inside before is still there, or the host has it, or the host has let go of it.
      lostInside: without(game.inside, linesOf(start), ours, dropped),
      lostOnHost: lostOnHost(game, atHost, own),
      notBrought: isKilled ? [] : without(linesOf(end), now, dropped),
      moved: notForward(game, branches, refsOf(game)),
      settings: guarded(game),
      staged: wrongIn(game, index),
      files: [firstFiles.trimEnd(), lastFiles.trimEnd()],
      host: lab.host(place, `git status >/dev/null; ${whole}`),
    },
    {
      ...{
        code: isKilled ? 137 : 0,
        complaints: "",
        lostInside: [],
        lostOnHost: [],
        notBrought: [],
        moved: [],
        settings,
      },
      ...{ staged: [], files: [look, lab.host(place, files)], host: "" },
    },
  );
  game.inside = linesOf(end);
  game.hints = hintsIn(run.stderr());
};

for (const { name: userName, uid } of users) {
  describe(`random work, as ${userName}`, () => {
    test.each(seeds)("loses no commit, no file and no setting, with seed %d", async (seed) => {
      const lab = createLiveLab(uid);
      try {
        const place = "project";
        lab.create(place);
        lab.host(
          place,
          "printf '#!/bin/sh\\nexit 0\\n' > .git/hooks/pre-commit; chmod +x .git/hooks/pre-commit; git branch side",
        );
        const game: Game = {
          ...{ lab, place, chance: makeChance(seed), trace: [], hints: [] },
          dropped: new Set(),
          droppedInside: new Set(),
          inside: [],
        };
        for (let round = 0; round < rounds; round++) {
          hostSteps(game, game.chance.below(4), String(round));
          await playRound(game, round);
        }
        lab.inside(place, "true");
        expect({ lost: without(game.inside, onHost(game), game.dropped), trace: game.trace }).toEqual({
          lost: [],
          trace: game.trace,
        });
      } finally {
        lab.close();
      }
    });
  });
}
