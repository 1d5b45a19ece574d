/** What a rule of the table in `later-table.ts` is. Pure data. */

export type Group =
  | "git"
  | "shell"
  | "editor"
  | "agent"
  | "link"
  | "packages"
  | "build"
  | "check"
  | "ci"
  | "container"
  | "program"
  | "ignored";

/** `precise` names how the text of such a file is judged; see `later-content.ts`. */
export type Rule = { why: string; patterns: string; precise?: "manifest" | "settings" };

/** Directories of installed or built code: git ignores them, tools run what is in them. Looked at as one. */
export const heaps: Record<string, string> = {
  node_modules: "installed packages: your tools run them, git does not show them",
  ".venv": "a Python environment: its programs run, git does not show them",
  venv: "a Python environment: its programs run, git does not show them",
  ".tox": "Python environments: their programs run, git does not show them",
  ".nox": "Python environments: their programs run, git does not show them",
  __pycache__: "compiled Python: it runs in place of the source, git does not show it",
  __pypackages__: "installed packages: your tools run them, git does not show them",
  bower_components: "installed packages: your tools run them, git does not show them",
  jspm_packages: "installed packages: your tools run them, git does not show them",
  ".pnpm-store": "installed packages: your tools run them, git does not show them",
  target: "built programs: cargo and maven run them, git may not show them",
  ".gradle": "build caches: gradle runs them, git does not show them",
  ".next": "built code: it is served and run, git does not show it",
  ".nuxt": "built code: it is served and run, git does not show it",
  ".turbo": "build caches: results are taken from them, git does not show them",
  ".nx": "build caches: results are taken from them, git does not show them",
  ".terraform": "providers and modules: terraform runs them, git does not show them",
  _build: "built programs: they are run, git may not show them",
  "elm-stuff": "installed packages: your tools run them, git does not show them",
  ".dart_tool": "installed packages: your tools run them, git does not show them",
  pods: "installed packages: Xcode runs them, git may not show them",
};

/** True for the name of a directory of installed or built code. */
export const isHeap = (name: string): boolean => Object.hasOwn(heaps, name.toLowerCase());

/** Names of the files that the table judges by their text; the path decides, see `isJudgedByText`. */
export const judgedNames = ["package.json", "settings.json"];
