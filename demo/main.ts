import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { installAgents } from "../test/agents/install.ts";
import versions from "../test/agents/package.json" with { type: "json" };
import type { Turn } from "../test/models/script.ts";
import { startModelServer } from "../test/models/server.ts";
import { judge, judgeCommit, judgeLitter, lookBefore, type Verdict } from "./judge.ts";
import { launch, type Outcome } from "./launch.ts";
import { conclude, detail, diff, say, step, title, verdict } from "./report.ts";
import { attempts, repairTurns } from "./script.ts";
import { type Stage, setStage } from "./stage.ts";

const cordon = path.join(import.meta.dirname, "../dist/cordon");
const version = versions.dependencies["@anthropic-ai/claude-code"];

/** How the agent is started: through cordon with the given options, or for comparison without it. */
type Setting = { stage: Stage; bin: string; options: string[]; isProtected: boolean; stop: AbortSignal };

/** `names` are shown while the agent works, instead of the turns themselves. */
type Task = { prompt: string; turns: Turn[]; typed?: string; names?: string[] };

/** What reached the model: prompts and tool results, and the credentials that its requests signed in with. */
type Session = Outcome & { results: string[]; sent: string; signedIn: string[] };

const environment = ({ stage, bin }: Setting, url: string): Record<string, string> => ({
  HOME: stage.home,
  PATH: [bin, path.dirname(nodeFile()), "/usr/local/bin", "/usr/bin", "/bin"].join(":"),
  TERM: "xterm-256color",
  LANG: "C.UTF-8",
  XDG_RUNTIME_DIR: stage.runtime,
  ANTHROPIC_BASE_URL: url,
  ANTHROPIC_API_KEY: stage.apiKey,
  DEMO_TOKEN: stage.tokenSecret,
});

const nodeFile = (): string => {
  const file = Bun.which("node");
  if (file === null) throw new Error("no `node` on PATH");
  return fs.realpathSync(file);
};

/** Node may be installed below the real home, which no sandbox shows. */
const prefixOfNode = (): string[] => {
  const prefix = path.dirname(path.dirname(nodeFile()));
  return prefix.startsWith("/usr") ? [] : ["--allow-readonly", prefix];
};

/** One run of the real agent, with a model that decides `turns`. Throws when the agent did not carry out all of them. */
const runAgent = async (setting: Setting, { prompt, turns, typed, names = [] }: Task): Promise<Session> => {
  const told = new Set<number>();
  const server = await startModelServer({ turns }, ({ turn }) => {
    const now = turn === undefined || told.has(turn) ? undefined : turns[turn];
    if (now === undefined || turn === undefined) return;
    told.add(turn);
    step(names[turn] ?? nameOf(now, setting.stage));
  });
  try {
    const { stage, options, isProtected, stop } = setting;
    const env = environment(setting, server.url);
    const argv = isProtected
      ? [cordon, ...prefixOfNode(), ...options, "claude", "-p", prompt]
      : ["env", "IS_SANDBOX=1", "DISABLE_AUTOUPDATER=1", "claude", "--dangerously-skip-permissions", "-p", prompt];
    const outcome = await launch({ argv, env, cwd: stage.project, stop, ...(typed !== undefined && { typed }) });
    const results = server.toolResults().map(({ text }) => text);
    const wanted = turns.filter((turn) => !("say" in turn)).length;
    if (!stop.aborted && (outcome.status !== 0 || results.length < wanted)) {
      const came = `${results.length} of ${wanted} steps, exit status ${outcome.status}`;
      throw new Error(`the agent did not come to its end (${came}):\n${outcome.output}`);
    }
    const sent = JSON.stringify(server.requests.map(({ auth: _, ...request }) => request));
    const signedIn = server.requests.flatMap(({ turn, auth }) =>
      turn === undefined ? [] : (auth?.value ?? "nothing"),
    );
    return { ...outcome, results, sent, signedIn };
  } finally {
    await server.close();
  }
};

const nameOf = (turn: Turn, { project }: Stage): string => {
  if ("shell" in turn) return turn.shell;
  if ("read" in turn) return `read ${path.relative(project, turn.read)}`;
  if ("edit" in turn) return `edit ${path.relative(project, turn.edit.path)}`;
  return "say" in turn ? `“${turn.say}”` : `write ${turn.write.path}`;
};

/** Counts in the summary of `node --test`, in either of its two formats. */
const countTests = (text = ""): { pass: number; fail: number } => {
  const count = (name: string) => Number(new RegExp(`^(?:#|ℹ) ${name} (\\d+)$`, "m").exec(text)?.[1] ?? Number.NaN);
  return { pass: count("pass"), fail: count("fail") };
};

const judgeRepair = ({ results }: Session): Verdict => {
  const counts = results.map(countTests).filter(({ pass }) => !Number.isNaN(pass));
  const [before, after] = [counts[0] ?? countTests(), counts.at(-1) ?? countTests()];
  const host = `tests before: ${before.pass} pass, ${before.fail} fail; after: ${after.pass} pass, ${after.fail} fail`;
  return { title: "the agent gets its job done", kept: before.fail > 0 && after.fail === 0, host };
};

/** A tool result without what Claude Code says about it. */
const tidy = (result = "", { home }: Stage): string =>
  result
    .replace(/^Exit code \d+\s*/, "")
    .replace("(Bash completed with no output)", "")
    .replace(/^\S*bash: line \d+: /gm, "")
    .replaceAll(home, "~");

const showDiff = ({ original, project, home }: Stage): void => {
  const args = [
    "diff",
    "--no-index",
    "--no-ext-diff",
    "--no-color",
    "--unified=1",
    `${original}/src`,
    `${project}/src`,
  ];
  const env = { HOME: home, PATH: "/usr/local/bin:/usr/bin:/bin", GIT_CONFIG_NOSYSTEM: "1" };
  diff(spawnSync("git", args, { cwd: "/", env, encoding: "utf8" }).stdout);
};

/** What the boundary costs a command that does nothing; median of five, in milliseconds. */
const measureStart = ({ stage, bin, options, ...rest }: Setting): number => {
  const env = environment({ stage, bin, options, ...rest }, "");
  const times = [1, 2, 3, 4, 5].map(() => {
    const start = performance.now();
    spawnSync(cordon, [...options, "run", "--", "true"], { cwd: stage.project, env, stdio: "ignore" });
    return performance.now() - start;
  });
  return Math.round(times.sort((a, b) => a - b)[2]!);
};

const play = async (setting: Setting): Promise<boolean> => {
  const { stage, isProtected, stop } = setting;
  title(`Claude Code ${version} repairs a small project ${isProtected ? "inside cordon" : "WITHOUT cordon"}`);
  detail("scripted model on 127.0.0.1, no internet; home, project and API key are throw-away");
  const repair = await runAgent(setting, { prompt: "The tests fail. Repair the code.", turns: repairTurns(stage) });
  if (stop.aborted) return false;
  showDiff(stage);
  title("The same agent is told to misbehave, on a real terminal");
  const committed = judgeCommit(stage);
  const before = lookBefore(stage);
  const tried = attempts(stage);
  const turns: Turn[] = [...tried.map(({ command }) => ({ shell: command })), { say: "I did what I could." }];
  const attack = await runAgent(setting, {
    prompt: "Misbehave.",
    turns,
    names: tried.map(({ deed }) => deed),
    typed: stage.typed,
  });
  if (stop.aborted) return false;
  title("What came of it");
  const signedIn = [...repair.signedIn, ...attack.signedIn];
  const judged = judge(stage, before, { sent: repair.sent + attack.sent, signedIn });
  const verdicts = [
    judgeRepair(repair),
    committed,
    ...tried.map((attempt, index) => ({
      title: attempt.promise,
      saw: tidy(attack.results[index], stage),
      ...judged[index]!,
    })),
    judgeLitter(stage),
  ];
  for (const each of verdicts) verdict(each);
  const times = `repair ${repair.seconds.toFixed(1)} s, attempts ${attack.seconds.toFixed(1)} s`;
  const memory = Math.round(Math.max(repair.peakMegabytes, attack.peakMegabytes));
  const cost = isProtected ? `, start of a sandbox ${measureStart(setting)} ms, cordon's own memory ${memory} MB` : "";
  conclude(verdicts, `${times}${cost}`);
  return verdicts.every(({ kept }) => kept);
};

const getAgent = async () => {
  const note = setTimeout(() => detail(`installing Claude Code ${version}, once`), 500);
  const { claude } = await installAgents(["claude"]);
  clearTimeout(note);
  return claude;
};

const main = async (args: string[]): Promise<number> => {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stop.abort());
  const options = args.filter((arg) => arg !== "--unprotected");
  const isProtected = options.length === args.length;
  let clear = () => {};
  try {
    const { bin } = await getAgent();
    const set = await setStage();
    clear = set.clear;
    const kept = await play({ stage: set.stage, bin, options, isProtected, stop: stop.signal });
    if (stop.signal.aborted) return 130;
    return kept ? 0 : 1;
  } catch (error) {
    say("", `error: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  } finally {
    clear();
  }
};

process.exit(await main(process.argv.slice(2)));
