import { expect, test } from "bun:test";
import fs from "node:fs";
import { digestOf, type Lab, useLab } from "./git-lab.ts";

/** Random sequences of what host and sandbox do to one project, run after run. `SEED` chooses others. */

const lab = useLab();
const seeds = process.env["SEED"] ? [Number(process.env["SEED"])] : [1, 99, 2024];
const [rounds, sequences] = [6, 3];

/** A linear congruential generator: the same sequence for the same seed, everywhere. */
const makeChance = (seed: number) => {
  let state = seed;
  return (below: number): number => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor((state / 2147483648) * below);
  };
};

type Chance = ReturnType<typeof makeChance>;

const insideStep = (chance: Chance, id: string): string => {
  const commit = `echo ${id} >> f${chance(3)}.txt; git add -A; git commit -q -m ${id}`;
  const branch = `$(git for-each-ref --format='%(refname:short)' refs/heads | sed -n ${1 + chance(4)}p)`;
  const steps = [
    ...[commit, commit, commit, `git switch -q -f -c b-${id}`, `git switch -q -f ${branch} 2>/dev/null || true`],
    ...[`git checkout -q -f --detach; ${commit}`, "git pack-refs --all; git gc -q", `echo ${id} >> a.txt; git add -A`],
  ];
  return steps[chance(steps.length)]!;
};

const hostStep = (chance: Chance, id: string): string => {
  const steps = [
    ...[`commit -q --allow-empty -a -m ${id}`, `switch -q -f -c ${id}`, "switch -q -f main", "reset -q --hard HEAD~1"],
    ...[
      "gc -q --prune=now",
      "reflog expire --expire=now --all",
      "pack-refs --all",
      "checkout -q -f --detach",
      "add -A",
    ],
    ...["stash -q", "branch -f moving HEAD", "branch -D moving"],
  ];
  return steps[chance(steps.length)]!;
};

const play = async ({ create, open, inside, outside, at }: Lab, name: string, chance: Chance): Promise<void> => {
  create(name);
  const guarded = () => [fs.readFileSync(at(`${name}/.git/config`), "utf8"), digestOf(at(`${name}/.git/hooks`))];
  const [before, trace]: [string[], string[]] = [guarded(), []];
  let reachable: string[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const opened = await open(name);
    const steps = Array.from({ length: 1 + chance(4) }, (_, at) => insideStep(chance, `agent-${round}-${at}`));
    trace.push(...steps.map((step) => `inside: ${step}`));
    const listing = "git log --all HEAD --format=%H:%s | sort; echo ==";
    const script = [listing, ...steps, "git fsck --strict --no-dangling 2>&1", "echo ==", listing].join("\n");
    const [start, complaints, end] = inside(name, opened, script).split("==\n");
    opened.release();
    const lost = reachable.filter((commit) => !start!.includes(commit));
    expect({ lost, complaints, trace }).toEqual({ lost: [], complaints: "", trace });
    reachable = end!.split("\n").filter((line) => line.includes(":agent"));
    for (let count = chance(4); count > 0; count -= 1) {
      const step = hostStep(chance, `host-${round}-${count}`);
      trace.push(`host: ${step}`);
      try {
        outside(name, ...step.split(" "));
      } catch {
        // git refuses some of them in some states; that is part of the game.
      }
    }
  }
  expect(outside(name, "fsck", "--strict", "--no-dangling")).toBe("");
  expect(guarded()).toEqual(before);
};

test.each(seeds)(
  "no commit made inside is lost, nothing is broken, seed %d",
  async (seed) => {
    const chance = makeChance(seed);
    for (let index = 0; index < sequences; index += 1) await play(lab, `r-${seed}-${index}`, chance);
  },
  120_000,
);
