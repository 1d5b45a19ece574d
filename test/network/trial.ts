import fs from "node:fs";
import path from "node:path";
import { breached, failed, type Outcome } from "../escape/facts.ts";
import { prepareKit } from "../escape/plant.ts";
import type { Lab } from "../run/lab.ts";
import { type Host, type NetworkFacts, type NetworkProbe, usualOptions } from "./facts.ts";
import type { FarSide } from "./far-side.ts";

/** `bare`: without any sandbox, in the world itself. */
export type Mode = "filtered" | "open" | "bare";

export type Trial = { lab: Lab; kit: string; mode: Mode; farSide: FarSide };

const timeoutMs = 120_000;

/** The kit of the escape suite with these probes beside it. */
export const prepareNetworkKit = (base: string): string => {
  const kit = prepareKit(base);
  fs.cpSync(import.meta.dirname, path.join(kit, "network"), { recursive: true });
  return kit;
};

/** Runs one probe in a sandbox of its own. What its judges saw outside overrules what it saw itself. */
export const tryProbe = async (probe: NetworkProbe, trial: Trial): Promise<Outcome> => {
  const { lab, farSide } = trial;
  for (const name of fs.readdirSync(lab.at("project"))) fs.rmSync(path.join(lab.at("project"), name));
  const neighbour =
    probe.neighbour && (await lab.start("sleep 100", ["--net", "filtered", "--allow-host", "denied.test"]));
  farSide.clear();
  try {
    return await judge(probe, trial);
  } finally {
    if (neighbour) {
      process.kill(neighbour.pid, "SIGKILL");
      await neighbour.ended;
    }
  }
};

const judge = async (probe: NetworkProbe, trial: Trial): Promise<Outcome> => {
  const { farSide } = trial;
  const child = start(probe, trial);
  const host = hostOf(child, trial);
  const beside = await Promise.resolve(probe.beside?.(host)).then(
    (seen) => ({ seen, problem: undefined }),
    (error: Error) => ({ seen: undefined, problem: error.message }),
  );
  await child.ended;
  // What the sandbox sent with its last breath is still on the way to our own servers.
  await Bun.sleep(30);
  const intruder = farSide.arrivals.find(farSide.isForbidden);
  const seen =
    (intruder && `something arrived at ${intruder.place}: ${JSON.stringify(intruder.text.slice(0, 100))}`) ??
    describeQueries(trial) ??
    beside.seen ??
    (await probe.inspect?.(host));
  if (seen) return breached(seen);
  if (beside.problem) return failed(beside.problem);
  return child.outcome();
};

/** Only names that may be reached are ever asked for. */
const describeQueries = ({ farSide }: Trial): string | undefined => {
  const leaked = farSide.queries.find((name) => !/^(steady|flip)\.test$|\.internal$/.test(name));
  return leaked && `the name server of the world was asked for ${leaked}`;
};

const start = (probe: NetworkProbe, { lab, kit, mode }: Trial) => {
  const command = [
    path.join(kit, "bun"),
    path.join(kit, "network/probe.ts"),
    JSON.stringify(factsOf(lab, mode)),
    probe.id,
  ];
  const network = mode === "filtered" ? [mode, ...(probe.options ?? usualOptions)] : ["open"];
  const [program, words] = lab.words(["run", "--allow-readonly", kit, "--net", ...network, "--", ...command]);
  const child = Bun.spawn(mode === "bare" ? command : [program, ...words], {
    cwd: lab.at("project"),
    env: environmentOf(lab),
    stdio: ["ignore", "pipe", "pipe"],
    timeout: timeoutMs,
  });
  const texts = { stdout: "", stderr: "" };
  const ended = Promise.all(
    (["stdout", "stderr"] as const).map(async (name) => {
      texts[name] = await new Response(child[name]).text();
    }),
  ).then(() => child.exited);
  const outcome = (): Outcome => {
    const line = /^\{"verdict".*\}$/m.exec(texts.stdout)?.[0];
    return line ? JSON.parse(line) : failed(`no verdict, exit code ${child.exitCode}: ${texts.stderr.slice(0, 500)}`);
  };
  return { pid: child.pid, ended, texts, outcome };
};

const environmentOf = (lab: Lab) => ({ ...lab.env, PATH: `${lab.env.PATH}:/usr/sbin:/sbin` });

const factsOf = (lab: Lab, mode: Mode): NetworkFacts => ({
  token: path.basename(lab.directory).slice(3).toLowerCase(),
  workspace: lab.at("project"),
  runtime: lab.at("runtime"),
  isFiltered: mode === "filtered",
});

const hostOf = ({ pid, texts }: ReturnType<typeof start>, { lab, mode, farSide }: Trial): Host => ({
  facts: factsOf(lab, mode),
  pid,
  arrivals: farSide.arrivals,
  queries: farSide.queries,
  stderr: () => texts.stderr,
  async cordon(...args) {
    const [program, words] = lab.words(args);
    const child = Bun.spawn([program, ...words], {
      cwd: lab.at("project"),
      env: lab.env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [stdout, stderr] = await Promise.all(
      [child.stdout, child.stderr].map((stream) => new Response(stream).text()),
    );
    return { code: await child.exited, stdout: stdout!, stderr: stderr! };
  },
  auditText: () => {
    const file = path.join(lab.at("home"), ".local/state/cordon/audit.jsonl");
    return fs.existsSync(file) ? fs.readFileSync(file, "latin1") : "";
  },
});
