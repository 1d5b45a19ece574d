import fs from "node:fs";
import path from "node:path";
import { createEmpty, createLarge, gitEnv } from "./large-repository.ts";
import { compareRounds, interleave, medianOf, type Row, summarise } from "./measure.ts";
import { mostResidentMb, sampleOf, settledMs } from "./memory.ts";
import { capture, timeMs, type World } from "./world.ts";

const area = "workspaces";
const runs = { rounds: 40, warmUp: 4 };
const rounds = 3;
const mostOverEmptyMs = 30;
const mostOfFastest = 0.1;
const large = "100,000 files in 10,000 directories, 1 GB ignored";

type Place = { project: string; env: Record<string, string> };

/** What a large project costs at a start, and what a private copy of it costs beside the usual ways to get one. */
export const measureWorkspaces = async (cordon: string, world: World): Promise<Row[]> => {
  const [empty, full] = [createEmpty(world, "empty"), createLarge(world, "large")];
  // What was written is waited for here, and not in what is measured.
  capture(["sync"], { project: full, env: world.env });
  // In a home of its own: a session must be the first to look at the project.
  const home = fs.mkdtempSync(path.join(world.root, "home-"));
  const start = measureStart(cordon, { ...world, env: { ...world.env, HOME: home } }, empty, full);
  return [
    ...(await measureCopies(cordon, world, full)),
    start,
    ...(await measureMemory(cordon, { project: full, env: world.env })),
  ];
};

const commandOf = (cordon: string, words: string[], session?: string): string[] => [
  ...[cordon, "--net", "open", "run"],
  ...(session === undefined ? [] : ["--session", session]),
  ...["--", ...words],
];

/** What it has to say about the project does not belong into the report. */
const quietly = (argv: string[]): string[] => ["sh", "-c", 'exec "$@" 2>/dev/null', "sh", ...argv];

const measureStart = (cordon: string, { env }: World, empty: string, full: string): Row => {
  const run = quietly(commandOf(cordon, ["true"]));
  const samples = interleave(
    { full: () => timeMs(run, { project: full, env }), empty: () => timeMs(run, { project: empty, env }) },
    runs,
  );
  return {
    ...{ area, name: `run -- true, ${large}`, unit: "ms", measured: summarise(samples.full) },
    beside: { name: "empty repository", measured: summarise(samples.empty) },
    comparison: compareRounds("difference", samples.full, samples.empty),
    target: { atMost: mostOverEmptyMs },
  };
};

/** From the command until its program runs, until all is over, and the same for a second run of that session. */
type SessionTimes = { untilRunning: number; whole: number; again: number };

/** Each round makes one of each kind and takes it away again, which is not timed. */
const measureCopies = async (cordon: string, world: World, full: string): Promise<Row[]> => {
  const place = { project: full, env: world.env };
  const peers = measurePeers(world, full);
  const [fastest, ...others] = [...peers].sort(([, a], [, b]) => Math.min(...a) - Math.min(...b));
  const [name, besides] = fastest!;
  // Before anybody has remembered anything of this project.
  const first = await timeSession(cordon, place, "first");
  const times: SessionTimes[] = [];
  for (let round = 0; round < rounds; round++) times.push(await timeSession(cordon, place, `s${round}`));
  const row = (what: string, samples: number[]): Row => ({
    ...{ area, name: what, unit: "ms", measured: summarise(samples) },
    beside: { name, measured: summarise(besides) },
    // What is written waits for the disk now and then: the best of it counts.
    comparison: { kind: "ratio", value: medianOf(samples) / Math.min(...besides) },
  });
  const of = (key: keyof SessionTimes) => times.map((time) => time[key]);
  return [
    { ...row("a new session, until its program runs", of("untilRunning")), target: { atMost: mostOfFastest } },
    row("the first one of a project, until its program runs", [first.untilRunning]),
    row("a new session, run -- true to its end", of("whole")),
    row("the same session again, run -- true to its end", of("again")),
    ...others.map(([name, samples]): Row => ({ area, name: `(${name})`, unit: "ms", measured: summarise(samples) })),
  ];
};

/** All of them once, and then the fastest a few times more: the others write a gigabyte each. */
const measurePeers = (world: World, full: string): Map<string, number[]> => {
  const target = path.join(world.root, "copy");
  const env = gitEnv(world.env);
  const make = (argv: string[]): number => {
    // What was written before would be waited for.
    capture(["sync"], { project: full, env });
    const tookMs = timeMs(argv, { project: full, env });
    fs.rmSync(target, { recursive: true, force: true });
    capture(["git", "worktree", "prune"], { project: full, env });
    return tookMs;
  };
  const peers = peersOf(target);
  const samples = new Map(Object.entries(peers).map(([name, argv]) => [name, [make(argv)]]));
  const [fastest] = [...samples].sort(([, [a]], [, [b]]) => a! - b!)[0]!;
  for (let round = 1; round < rounds; round++) samples.get(fastest)!.push(make(peers[fastest]!));
  capture(["sync"], { project: full, env });
  return samples;
};

/** Other ways to a second working tree; only the last one brings what git ignores. */
const peersOf = (target: string): Record<string, string[]> => ({
  "git worktree add": ["git", "worktree", "add", "-q", "--detach", target],
  "git clone --shared": ["git", "clone", "-q", "--shared", ".", target],
  "cp --reflink=auto -a": ["cp", "--reflink=auto", "-a", ".", target],
});

const timeSession = async (cordon: string, place: Place, name: string): Promise<SessionTimes> => {
  const untilRunning = await timeUntilRunning(commandOf(cordon, ["sh", "-c", "echo up; exec cat"], name), place);
  capture([cordon, "discard", name, "--force"], place);
  const run = quietly(commandOf(cordon, ["true"], name));
  const [whole, again] = [timeMs(run, place), timeMs(run, place)];
  capture([cordon, "discard", name, "--force"], place);
  return { untilRunning, whole, again };
};

/** From the command to the first word of the program in it; the end is waited for. */
const timeUntilRunning = async (argv: string[], { project, env }: Place): Promise<number> => {
  const start = performance.now();
  const child = Bun.spawn(argv, { cwd: project, env, stdio: ["pipe", "pipe", "pipe"] });
  const first = await child.stdout.getReader().read();
  const tookMs = performance.now() - start;
  child.stdin.end();
  const code = await child.exited;
  if (code !== 0 || first.value === undefined)
    throw new Error(`a session ended with ${code}: ${await new Response(child.stderr).text()}`);
  return tookMs;
};

/** What cordon holds there while it waits for the command, in live mode and in a session. */
const measureMemory = async (cordon: string, { project, env }: Place): Promise<Row[]> => {
  const rows: Row[] = [];
  for (const session of [undefined, "memory"]) {
    const argv = commandOf(cordon, ["sleep", "3"], session);
    const child = Bun.spawn(argv, { cwd: project, env, stdio: ["ignore", "ignore", "ignore"] });
    await Bun.sleep(2 * settledMs);
    const { residentMb } = sampleOf(child.pid, cordon);
    await child.exited;
    rows.push({
      ...{ area, name: `resident there, ${session ? "in a session" : "in live mode"}`, unit: "MB" },
      measured: summarise([residentMb]),
      ...(session === undefined && { target: { atMost: mostResidentMb } }),
    });
  }
  capture([cordon, "discard", "memory", "--force"], { project, env });
  return rows;
};
