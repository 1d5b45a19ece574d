import fs from "node:fs";
import path from "node:path";

const root = path.join(import.meta.dirname, "..");

/** These start no sandbox and no compiled program: `make check` runs them. Directories or files below `test/`. */
const quick = [
  "architecture",
  "agents-data",
  "cli",
  "config",
  "models",
  "plan",
  "egress",
  "doctor/facts",
  "doctor/refusal",
  "seccomp/bytes",
  "terminal/filter",
];

/** Fast ones first, so that a mistake shows early; what is not named stands between. */
const last = ["seccomp", "terminal", "backends", "conformance", "network", "agents", "escape"];

/** Command before the command of every file of a suite. */
const wrappers: Record<string, string[]> = { network: ["sh", "test/network/world.sh"] };

export type Suite = { name: string; files: string[]; wrapper?: string[] };

/** The test files by their directory, in the order in which they run. Paths from the root of the repository. */
export const findSuites = (onlyQuick: boolean): Suite[] => {
  const names = fs.readdirSync(path.join(root, "test"), { recursive: true, encoding: "utf8" });
  const files = names.filter((name) => name.endsWith(".test.ts") && (!onlyQuick || isQuick(name))).sort();
  const suites = new Map<string, string[]>();
  for (const file of files) {
    const suite = file.includes("/") ? file.slice(0, file.indexOf("/")) : "general";
    suites.set(suite, [...(suites.get(suite) ?? []), `test/${file}`]);
  }
  return [...suites]
    .map(([name, files]) => ({ name, files, ...(wrappers[name] && { wrapper: wrappers[name] }) }))
    .sort((a, b) => rank(a.name) - rank(b.name));
};

const isQuick = (file: string): boolean =>
  quick.some((start) => file.startsWith(`${start}/`) || file.startsWith(`${start}.`));

const rank = (suite: string): number => {
  if (quick.includes(suite)) return -1;
  return last.indexOf(suite) + 1;
};
