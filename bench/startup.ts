import { compareRounds, interleave, type Row, summarise } from "./measure.ts";
import { startOnTerminal } from "./pty.ts";
import { capture, timeMs, type World, withConfig } from "./world.ts";

const area = "start-up";
const plan = { rounds: 60, warmUp: 5 };
const mostOverBareMs = 20;

/** What `cordon` costs over bubblewrap itself, given the same mounts and options. */
export const measureStartup = async (cordon: string, world: World): Promise<Row[]> => {
  const run = [cordon, "--net", "open", "run", "--", "true"];
  timeMs(run, world); // makes the directories that bare bubblewrap is told to mount, too
  const bare = bareSandbox(run, world);
  // It has to be parsed and checked.
  const configured = withConfig(world, 'preset = "standard"\n\n[env]\npass = ["LANG"]\n');
  const samples = interleave(
    {
      cordon: () => timeMs(run, world),
      bare: () => timeMs(bare.argv, bare),
      configured: () => timeMs(run, configured),
      version: () => timeMs([cordon, "--version"], world),
      floor: () => timeMs(["true"], world),
    },
    plan,
  );
  const beside = { name: "bare bwrap", measured: summarise(samples.bare) };
  const overBare = (name: string, taken: number[]): Row => ({
    ...{ area, name, unit: "ms", measured: summarise(taken), beside },
    comparison: compareRounds("difference", taken, samples.bare),
  });
  return [
    { ...overBare("run -- true", samples.cordon), target: { atMost: mostOverBareMs } },
    overBare("run -- true, with a config file", samples.configured),
    await measureOnTerminal(run, bare, world),
    { area, name: "--version", unit: "ms", measured: summarise(samples.version) },
    { area, name: "(true alone, no sandbox)", unit: "ms", measured: summarise(samples.floor) },
  ];
};

type Bare = Pick<World, "project" | "env"> & { argv: string[] };

/** The very command that cordon would start, without what comes through descriptors: the filter, the status, file contents. */
export const bareSandbox = (run: string[], world: Pick<World, "project" | "env">): Bare => {
  const { main } = JSON.parse(capture([run[0]!, "--dry-run", ...run.slice(1)], world)) as {
    main: { file: string; args: string[]; env: Record<string, string>; fds: { name: string; arguments?: string[] }[] };
  };
  const words = [main.file, ...main.args];
  const at = words.indexOf("--args");
  const given = main.fds.find(({ name }) => name === "args")?.arguments;
  if (at < 1 || !given) throw new Error("--dry-run shows no bubblewrap with --args");
  return {
    argv: [words[at - 1]!, ...withoutDescriptors(given), ...words.slice(at + 2)],
    project: world.project,
    env: main.env,
  };
};

const descriptorWords: Record<string, number> = {
  ...{ "--seccomp": 2, "--json-status-fd": 2, "--info-fd": 2, "--block-fd": 2 },
  "--ro-bind-data": 3,
};

const withoutDescriptors = (given: string[]): string[] => {
  const kept: string[] = [];
  for (let at = 0; at < given.length; ) {
    const length = descriptorWords[given[at]!] ?? 0;
    // The permissions before it are those of the file that is left out.
    if (given[at] === "--ro-bind-data" && kept.at(-2) === "--perms") kept.splice(-2);
    if (length === 0) kept.push(given[at]!);
    at += length || 1;
  }
  return kept;
};

const measureOnTerminal = async (run: string[], bare: Bare, world: World): Promise<Row> => {
  const samples: { cordon: number[]; bare: number[] } = { cordon: [], bare: [] };
  for (let round = 0; round < plan.rounds / 2; round++) {
    samples.cordon.push(await timeOnTerminalMs(run, world));
    samples.bare.push(await timeOnTerminalMs(bare.argv, bare));
  }
  return {
    ...{ area, name: "run -- true, on a terminal", unit: "ms", measured: summarise(samples.cordon) },
    beside: { name: "bare bwrap", measured: summarise(samples.bare) },
    comparison: compareRounds("difference", samples.cordon, samples.bare),
  };
};

const timeOnTerminalMs = async (argv: string[], place: Pick<World, "project" | "env">): Promise<number> => {
  const start = performance.now();
  const started = startOnTerminal(argv, place);
  started.drain(30_000);
  await started.finish();
  return performance.now() - start;
};
