import type { FormatName } from "../credentials/formats/index.ts";
import type { ReferenceStyle } from "./settings/reference.ts";

/** What cordon knows of one coding agent: data, never code paths. A new agent is one entry of the catalogue. */
export type Agent = {
  name: string;
  /** The program as its users type it. */
  command: string;
  /** How its users install it, shown when it is missing. */
  install: string;
  autonomy: Autonomy;
  continues?: Continuing;
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
  /** A key that its own settings hold (below a state directory, or beside it while that has not been moved). */
  settingsKey?: {
    state: string;
    file: string;
    key: string;
    variable: string;
    /** Where the file lists the last 20 characters of keys that its user does not want to be used. */
    refused: [string, string];
  };
  /** A line for a shell in the user's own settings that prints the key of this variable, and how long one is good. */
  keyHelper?: {
    state: string;
    file: string;
    key: string;
    variable: string;
    ttl: { variable: string; usualMs: number };
  };
  /** Endpoints that answer with a fresh credential, each a rule about requests; refused while a credential is brokered. */
  mints?: string[];
  signIn?: SignIn;
  /** First words by which it would replace itself; cordon answers them, because what is inside is gone afterwards. */
  updates?: string[];
  /** Variables with which its users choose a model, a provider or an address. `*` ends a prefix. */
  pass: string[];
  /** Variables with which its users point it at another server; passed inside, and that server may be reached. */
  baseUrls: string[];
  /** A variable with a field for each request in every line (`Name: value`), and the server that gets them. */
  customHeaders?: { variable: string; baseUrl: string; usual: string };
  /** The user's own settings (below a state directory, by its path) whose keys name such a server as well. */
  baseUrlSettings?: { state: string; file: string; keys: string[] /** Holds the same settings. */; variable?: string };
  /** Hosts of its own API, reached on port 443 unless one says otherwise. */
  hosts: string[];
  mcp?: McpDialect;
  /** Keys of its settings that hold lines for a shell: hooks, status line. `*` is every entry of a list or a table. */
  programs?: string[];
};

/** How an agent writes MCP servers down, in the settings that are seeded and in a project. */
export type McpDialect = {
  /** The key of the table of servers, each under its name. */
  table: string;
  /** Key of a server's variables: `env` unless it says otherwise. */
  env?: string;
  /** Keys of a server's address: `url` unless it says otherwise. */
  urls?: string[];
  /** Key of the headers for that address: `headers` unless it says otherwise. */
  headers?: string;
  /** Keys that name variables instead of holding values: of a bearer token, of headers, of what a server's process gets. */
  named?: { bearer: string; headers: string; env: string };
  /** How a value refers to a variable, where it can. */
  reference?: ReferenceStyle;
  /** Files of a project that name servers. */
  project: string[];
};

/** How its own sign-in runs in a sandbox of its own, by `cordon login`, and leaves its credential file behind. */
export type SignIn = {
  args: string[];
  /** Instead, on a machine without a browser. */
  remote?: string[];
  /** Ports of its own loopback to which the browser comes back. */
  publish?: number[];
  /** It signs in to one provider of many: what was kept of the others stays. */
  adds?: true;
  /** Servers that it asks besides the agent's own. */
  hosts?: string[];
  env?: Record<string, string>;
  /** Its words for signing in; with a broker they could not succeed inside. */
  words: string[][];
  /** The variable in which its users may put the token of such a login. */
  variable?: string;
};

/** How the agent's own permission prompts are switched off on its command line. `{workdir}` is a quoted path. */
export type Autonomy = {
  args: string[];
  /** First words behind which the arguments stand; else they stand in front of everything. */
  behind?: string[];
  /** Options of the user's that decide the same thing: with one of them nothing is added. */
  unless?: string[];
};

/** How it goes on with an earlier conversation. */
export type Continuing = {
  /** In front of the user's arguments. `{id}` is what names the conversation. */
  words: string[];
  /** First words behind which they stand instead. */
  behind?: string[];
  /** Arguments of the user's that choose a conversation, or that are about none: with one of them nothing is added. */
  unless: string[];
};

/** A directory in which the agent keeps settings, history and credentials. */
export type StateDirectory = {
  /** Below home. */
  path: string;
  /** The variable by which its users move it, and what follows the variable's value. */
  moved?: { by: string; below?: string };
  /** The user's own settings in it, shown inside read-only. Single names; `*.sh` is every file that ends like this. */
  settings?: string[];
  /** The same for directories in which the agent writes as well: so many levels of them are private, and hold links. */
  open?: Record<string, number>;
  /** The credential file in it. */
  credential?: string;
  /** How that file is written; without it no placeholder can stand in for it. */
  credentialFormat?: FormatName;
  seeds?: Seed[];
  history?: History;
};

/** Where conversations lie in a state directory. */
export type History = FileHistory | DatabaseHistory;

/** One file for each conversation, to which lines are added. */
export type FileHistory = {
  kind: "files";
  /** Below the state directory. */
  root: string;
  /** A project's folder below it bears the project's path, or a mark; or there are folders by date. */
  by: "path" | "mark" | "date";
  /** The conversations: a directory below that folder, and their names. The group `id` is what resumes one. */
  files: { in: string; like: RegExp };
  /** Other files of the project's, which come in and are never handed back. */
  notes?: { in: string; like: RegExp };
  /** A conversation has a directory of its own beside it, under its name without the ending. */
  hasOwnDirectory?: true;
  /** The key under which a conversation tells the directory in which it is held. */
  directoryKey?: string;
  /** What the agent makes anew out of those files when it is missing, and only then. */
  index?: RegExp;
  /** What its user types, with `{id}`, to go on with one. */
  resume: string;
};

/** All in one database of SQLite's, as it was when a project was first opened inside. */
export type DatabaseHistory = {
  kind: "database";
  file: string;
  /** The table of conversations, and its columns for itself, the directory and the time of the last change. */
  conversations: { table: string; id: string; directory: string; time: string };
  /** Which rows of other tables come along: all, or those whose column is found among the chosen conversations. */
  tables: Record<string, "all" | { column: string; of: string }>;
  /** How its user hands one back, for people. */
  handOver: string[];
};

/**
 * A file of a state directory, written before each start so that no first-run question is asked. `{workdir}` stands
 * for the project's path, `{key-tail}` for the last 20 characters of the first key that is set. Settings are kept from
 * run to run; what the user has changed in their own file since the last one comes in, `value` always. `withKey` is
 * what the user's file need not say while a key is set, `withLogin` while there is a login, or one is to be made,
 * `signedOut` while nothing at all signs the agent in. No secret of the user's file comes in; see `projectSettings`.
 */
export type Seed =
  | {
      name: string;
      kind: "settings";
      value?: SeedValue;
      withKey?: { key: string; value: SeedValue };
      withLogin?: SeedValue;
      signedOut?: SeedValue;
      /** It stands beside the directory, as long as that has not been moved. */
      beside?: true;
      /** The keys of the user's file that come in; all when absent. */
      keep?: string[];
      /** A key under which every project has an entry by its path; only this project's comes in. */
      projects?: string;
    }
  | { name: string; kind: "copy" };
export type SeedValue = string | number | boolean | null | SeedValue[] | { [key: string]: SeedValue };
