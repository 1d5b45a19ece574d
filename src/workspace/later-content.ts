/** What of a file's text runs something, for the few files where most changes do not. Pure. */

/** Keys of package.json by which some tool starts programs, and what they stand for. */
const manifestKeys: Record<string, string> = {
  scripts: "scripts",
  bin: "bin",
  gypfile: "gypfile",
  dependencies: "packages to install",
  devDependencies: "packages to install",
  optionalDependencies: "packages to install",
  peerDependencies: "packages to install",
  overrides: "packages to install",
  resolutions: "packages to install",
  packageManager: "the package manager itself",
  trustedDependencies: "packages that may run install scripts",
  pnpm: "pnpm settings",
  workspaces: "workspaces",
  husky: "hooks",
  "simple-git-hooks": "hooks",
  "lint-staged": "hooks",
  "pre-commit": "hooks",
  gitHooks: "hooks",
  jest: "test settings",
  ava: "test settings",
  mocha: "test settings",
  babel: "build settings",
  eslintConfig: "lint settings",
  prettier: "format settings",
  nx: "task settings",
  wireit: "task settings",
};

/** Which changes of a package.json run something; undefined when none does. Without a text before, all of it is new. */
export const judgeManifest = (before: string | undefined, after: string | undefined): string | undefined => {
  const [old, now] = [parseTable(before ?? "{}"), parseTable(after ?? "{}")];
  if (!old || !now) return "cannot be read as JSON";
  const changed = Object.keys(manifestKeys).filter((key) => !isSame(old.get(key), now.get(key)));
  if (changed.length === 0) return undefined;
  const scripts = changed.includes("scripts") ? changedKeys(old.get("scripts"), now.get("scripts")) : [];
  const others = changed.filter((key) => key !== "scripts").map((key) => manifestKeys[key]!);
  return [...new Set([...(scripts.length > 0 ? [`scripts (${few(scripts)})`] : []), ...others])].join(", ");
};

/** Editor settings that only change how things look. Any other key may name a program: extensions add their own. */
const harmlessSettings = [
  /^editor\.(?!codeActionsOnSave$|defaultFormatter$)/,
  /^(diffEditor|search|explorer|breadcrumbs)\./,
  /^cSpell\.(words|ignoreWords)$/,
  /^files\.(exclude|watcherExclude|associations|eol|encoding|insertFinalNewline|trim\w+)$/,
  /^workbench\.(colorTheme|colorCustomizations|iconTheme)$/,
];

/** Which keys of an editor's settings (JSON with comments) changed that may start programs; undefined when none did. */
export const judgeSettings = (before: string | undefined, after: string | undefined): string | undefined => {
  const [old, now] = [parseTable(stripComments(before ?? "{}")), parseTable(stripComments(after ?? "{}"))];
  if (!old || !now) return "cannot be read as JSON";
  const changed = [...new Set([...old.keys(), ...now.keys()])].filter((key) => !isSame(old.get(key), now.get(key)));
  const risky = changed.filter((key) => !harmlessSettings.some((shape) => shape.test(key)));
  return risky.length === 0 ? undefined : few(risky);
};

const parseTable = (text: string): Map<string, unknown> | undefined => {
  try {
    const value: unknown = JSON.parse(text.trim() === "" ? "{}" : text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? new Map(Object.entries(value))
      : undefined;
  } catch {
    return undefined;
  }
};

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

const changedKeys = (before: unknown, after: unknown): string[] => {
  const entries = (value: unknown) => new Map(typeof value === "object" && value ? Object.entries(value) : []);
  const [old, now] = [entries(before), entries(after)];
  return [...new Set([...now.keys(), ...old.keys()])].filter((key) => !isSame(old.get(key), now.get(key)));
};

const few = (names: string[]): string =>
  names.length > 3 ? `${names.slice(0, 3).join(", ")} and ${names.length - 3} more` : names.join(", ");

/** Comments and trailing commas go; what stands in strings stays. */
const stripComments = (text: string): string =>
  text
    .replace(/("(?:\\.|[^"\\])*")|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (_, string?: string) => string ?? " ")
    .replace(/("(?:\\.|[^"\\])*")|,(?=\s*[}\]])/g, (_, string?: string) => string ?? "");
