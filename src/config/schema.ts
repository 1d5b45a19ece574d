import * as v from "valibot";
import type { ConfigValues } from "./config.ts";
import {
  above,
  agent,
  duration,
  header,
  host,
  inside,
  listOf,
  plain,
  port,
  publish,
  said,
  serviceHost,
  size,
  text,
  user,
  variable,
  variables,
} from "./field.ts";
import {
  backends,
  cacheModes,
  credentialModes,
  mostCpus,
  mostPids,
  networkModes,
  networkPresets,
  notifyWays,
  presets,
  serviceSchemes,
} from "./values.ts";

const source = {
  command: said(
    "A program that prints it, as a list or as a line for the shell.",
    v.union([plain, v.pipe(listOf(text), v.minLength(1, "must name a program"))], "must be a line or a list"),
  ),
  variable: said("The variable outside that holds it.", variable),
  file: said("The file that holds it and nothing else.", plain),
};

const service = v.strictObject({
  hosts: said("Where it goes: `HOST`, `*.HOST` or `HOST:PORT`, by TLS; 443 without a port.", listOf(serviceHost)),
  header: said("The header that holds it; `authorization` when absent.", header),
  scheme: said("What stands before it in the header; `bearer` when absent.", v.picklist(serviceSchemes)),
  user: said("The name that goes with it, with `basic`.", user),
  ...source,
  ttl: said("How long a value is taken for good before it is asked for again, such as `30m`.", duration),
  "variable-inside": said("The variable inside that holds its placeholder.", variable),
  enabled: said("`false` switches a built-in service off.", v.boolean()),
  write: said("It may be used for pushing and publishing; `github` and `npm` only read otherwise.", v.boolean()),
});

/** Every key of `config.toml` and `.cordon.toml`. A key that is not here is an error. */
export const configSchema = v.strictObject({
  agent: said("The agent that `cordon` without a name starts.", agent),
  backend: said("What the boundary is made of.", v.picklist(backends)),
  preset: said("How much is allowed when nothing more precise is said.", v.picklist(presets)),
  credentials: said("How the agent signs in.", v.picklist(credentialModes)),
  timeout: said("Ends a run after this time, such as `30m`.", duration),
  setup: said(
    "What makes the project ready, as a line for the shell or as a list: it runs inside, before the agent, and again when one of `setup-inputs` has changed.",
    v.union(
      [v.pipe(text, v.minLength(1), v.maxLength(4096)), v.pipe(listOf(text), v.minLength(1, "must name a program"))],
      "must be a line or a list",
    ),
  ),
  "setup-inputs": said(
    "Files and directories of the project, relative to its top, that `setup` depends on: files by what is in them, directories by being there. The usual lock files, `node_modules`, `.venv` and `vendor` when absent; the last list counts.",
    listOf(inside),
  ),
  caches: said(
    "Whether the package caches of this machine are read inside; what is written stays with the project. `private` when absent.",
    v.picklist(cacheModes),
  ),
  filesystem: said(
    "Paths; `~` is home, relative paths start at the file's own directory.",
    v.strictObject({
      read: said("Also inside, read-only.", listOf(plain)),
      write: said("Also inside, writable.", listOf(plain)),
      hide: said("Never inside, except for a more specific path in `read` or `write`.", listOf(plain)),
      "hide-secrets": said("Files of the project that hold secrets by their names are hidden.", v.boolean()),
    }),
  ),
  network: said(
    "What the sandbox may reach.",
    v.strictObject({
      mode: said(
        "`open`, `filtered` (allowed names only) or `none`; the preset decides when absent.",
        v.picklist(networkModes),
      ),
      allow: said(
        "What a filtered network lets through: `HOST`, `*.HOST` (its sub-domains), `HOST:PORT`, an address or a range such as `10.0.0.0/8`. Without a port: 80, 443 and 22.",
        listOf(host),
      ),
      deny: said("What may not be reached, written the same; wins over everything that allows.", listOf(host)),
      presets: said(
        "Sets of hosts that are allowed besides the agent's own: package registries as your own configuration names them, and git hosts. The preset decides when absent; the last list counts.",
        listOf(v.picklist(networkPresets)),
      ),
      "host-ports": said("Ports of this machine's loopback that are reached inside.", listOf(port)),
      publish: said(
        "Ports inside that are offered on this machine's loopback: `5173`, `5173:8080` (inside, outside), or `auto` for each that begins to listen.",
        listOf(publish),
      ),
    }),
  ),
  env: said(
    "Variables inside.",
    v.strictObject({
      pass: said("Names that take the value they have outside.", listOf(variable)),
      set: said("Names with a value.", variables),
      dotenv: said("Names taken from the project's `.env`. Only in the user's own configuration.", listOf(variable)),
    }),
  ),
  resources: said(
    "Limits of one run.",
    v.strictObject({
      cpus: said("Processors, fractions allowed.", above(0.01, mostCpus)),
      memory: said("Memory, such as `4g`.", size),
      pids: said("Processes and threads.", v.pipe(above(1, mostPids), v.integer("must be a whole number"))),
      disk: said("Size of each private directory, such as `2g`.", size),
    }),
  ),
  widen: said(
    "Named steps that weaken the boundary.",
    v.strictObject({
      userns: said("Programs inside may make sandboxes of their own.", v.boolean()),
      browser: said("Chromium and Playwright run inside.", v.boolean()),
      "paste-images": said("The agent takes images, and nothing else, from the clipboard.", v.boolean()),
    }),
  ),
  notify: said(
    "How you hear that the agent waits, or that a run has ended. Only in the user's own configuration.",
    v.strictObject({
      by: said("`bell`: the terminal's; `desktop`: `notify-send`.", listOf(v.picklist(notifyWays))),
      command: said(
        "A program of yours that is told by variables, as a list; it runs outside.",
        v.pipe(listOf(text), v.minLength(1, "must name a program")),
      ),
      after: said("Shorter runs end unsaid; `10s` when absent.", duration),
    }),
  ),
  "ssh-agent": said(
    "Keys of your ssh-agent that ssh and git inside log in with: comments, fingerprints or files. Only in the user's own configuration.",
    listOf(plain),
  ),
  agents: said(
    "Agents of your own, or changes to a known one, by name.",
    v.record(
      agent,
      v.strictObject({
        command: said("The program to start.", plain),
        args: said("Arguments that always come first.", listOf(text)),
        state: said("Directories below home that it keeps its state in.", listOf(plain)),
        env: said("Variables that it needs.", variables),
      }),
    ),
  ),
  services: said(
    "Servers that take a credential of yours, by name: inside stands a placeholder, and the real value is put in on the way. `github` and `npm` are built in. Only in the user's own configuration.",
    v.record(agent, service),
  ),
  "secret-files": said(
    "Files that hold a real secret inside, by their paths there, for what no placeholder can stand for: in memory, and readable by you alone. Only in the user's own configuration.",
    v.record(plain, v.strictObject(source)),
  ),
});

/** The checked values, or the problems as `path` and sentence. */
export const checkValues = (input: unknown): { values: ConfigValues } | { problems: Problem[] } => {
  const result = v.safeParse(configSchema, input);
  return result.success ? { values: result.output } : { problems: result.issues.map(describe) };
};

export type Problem = { path: string[]; kind: "unknown" | "bad"; sentence: string };

const describe = (issue: v.BaseIssue<unknown>): Problem => {
  const path = (issue.path ?? []).map((step) => String(step.key));
  if (issue.type === "strict_object" && issue.expected === "never") return { path, kind: "unknown", sentence: "" };
  if (issue.kind === "validation") return { path, kind: "bad", sentence: issue.message };
  const found = issue.received.length > 60 ? `${issue.received.slice(0, 60)}…` : issue.received;
  return { path, kind: "bad", sentence: `expected ${expectedIn(issue.expected)}, found ${found}` };
};

const expectedIn = (expected: string | null): string => {
  if (expected === "Array") return "a list";
  if (expected === "Object") return "a table";
  return (expected ?? "something else").replace(/^\((.*)\)$/, "$1").replaceAll(" | ", ", ");
};

/** Names of the keys that may stand in the table at a path. */
export const keysAt = (path: readonly string[]): string[] => {
  let schema: unknown = configSchema;
  for (const step of path) schema = childOf(unwrap(schema), step);
  const { entries } = (unwrap(schema) ?? {}) as { entries?: object };
  return Object.keys(entries ?? {});
};

type Node = { type?: string; wrapped?: unknown; pipe?: unknown[]; entries?: Record<string, unknown>; value?: unknown };

const unwrap = (schema: unknown): Node | undefined => {
  const node = schema as Node | undefined;
  if (node?.type === "optional") return unwrap(node.wrapped);
  return node;
};

const childOf = (node: Node | undefined, step: string): unknown =>
  node?.type === "record" ? node.value : node?.entries?.[step];
