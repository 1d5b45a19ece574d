/** What cordon knows of one coding agent: data, never code paths. A new agent is one entry of the catalogue. */
export type Agent = {
  name: string;
  /** The program as its users type it. */
  command: string;
  /** How its users install it, shown when it is missing. */
  install: string;
  autonomy: Autonomy;
  /** First words that are administration, not work: they run without the autonomy flags. */
  subcommands: string[];
  /** Options that the agent owns and that resemble one of cordon's: they are never taken for a slip. */
  options: string[];
  /** Its option that adds a directory; cordon shows that directory inside as well. */
  addDir?: string;
  state: StateDirectory[];
  /** Variables set inside: updater off, inner sandbox off, permissions granted. */
  env: Record<string, string>;
  /** Variables that hold a key or token. */
  keys: string[];
  /** Variables with which its users choose a model, a provider or an address. `*` ends a prefix. */
  pass: string[];
  /** Variables with which its users point it at another server; passed inside, and that server may be reached. */
  baseUrls: string[];
  /** The user's own settings (below a state directory, by its path) whose keys name such a server as well. */
  baseUrlSettings?: { state: string; file: string; keys: string[] /** Holds the same settings. */; variable?: string };
  /** Hosts of its own API, reached on port 443 unless one says otherwise. */
  hosts: string[];
};

/** How the agent's own permission prompts are switched off on its command line. `{workdir}` is a quoted path. */
export type Autonomy = {
  args: string[];
  /** First words behind which the arguments stand; else they stand in front of everything. */
  behind?: string[];
  /** Options of the user's that decide the same thing: with one of them nothing is added. */
  unless?: string[];
};

/** A directory in which the agent keeps settings, history and credentials. */
export type StateDirectory = {
  /** Below home. */
  path: string;
  /** The variable by which its users move it, and what follows the variable's value. */
  moved?: { by: string; below?: string };
  /** The user's own settings in it, shown inside read-only. Single names. */
  settings?: string[];
  /** The credential file in it. */
  credential?: string;
  seeds?: Seed[];
};

/**
 * A file of a state directory, written before each start so that no first-run question is asked. `{workdir}` stands
 * for the project's path, `{key-tail}` for the last 20 characters of the first key that is set. JSON is merged into
 * what the last run left, or into the user's own file when that is newer. `withKey` is what the user's file need not say
 * while a key is set.
 */
export type Seed =
  | { name: string; kind: "json"; value: SeedValue; withKey?: { key: string; value: SeedValue } }
  | { name: string; kind: "copy" };
export type SeedValue = string | number | boolean | null | SeedValue[] | { [key: string]: SeedValue };
