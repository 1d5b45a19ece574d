import * as v from "valibot";
import { grammarHint, isProblem, parsePattern } from "../egress/pattern.ts";
import type { ConfigValues } from "./config.ts";
import {
  agentPattern,
  backends,
  credentialModes,
  durationPattern,
  headerPattern,
  mostCpus,
  mostPids,
  networkModes,
  networkPresets,
  parseDurationMs,
  parsePublish,
  parseSizeBytes,
  plainPattern,
  presets,
  publishPattern,
  serviceSchemes,
  sizePattern,
  textPattern,
  userPattern,
  variablePattern,
} from "./values.ts";

const said = <T extends v.GenericSchema>(description: string, schema: T) =>
  v.optional(v.pipe(schema, v.description(description)));

const plain = v.pipe(
  v.string(),
  v.maxLength(4096, "longer than 4096 characters"),
  v.regex(plainPattern, "must be non-empty text without control characters"),
);
const text = v.pipe(v.string(), v.regex(textPattern, "must not hold a NUL character"));
const sentenceOf = (input: string): string => {
  const pattern = parsePattern(input);
  const { problem, hint } = isProblem(pattern) ? pattern : { problem: "", hint: "" };
  return `must be a host, an address or a range: ${problem}${hint === grammarHint ? "" : ` (${hint})`}`;
};
const host = v.pipe(
  v.string(),
  v.check(
    (value) => !isProblem(parsePattern(value)),
    ({ input }) => sentenceOf(input),
  ),
);
const serviceHost = v.pipe(
  v.string(),
  v.check((value) => {
    const pattern = parsePattern(value);
    return !isProblem(pattern) && !pattern.path && (pattern.kind === "host" || pattern.kind === "subdomains");
  }, "must be a name, such as `api.example.com`, `*.example.com` or `api.example.com:8443`"),
);
const port = v.pipe(
  v.number(),
  v.integer("must be a whole number"),
  v.minValue(1, "must be at least 1"),
  v.maxValue(65535, "must be at most 65535"),
);
const publish = v.pipe(
  v.string(),
  v.regex(publishPattern, "must be such as 5173, 5173:8080 or auto"),
  v.check((value) => parsePublish(value) !== undefined, "must name ports from 1 to 65535"),
);
const variable = v.pipe(v.string(), v.regex(variablePattern, "must be the name of a variable"));
const agent = v.pipe(v.string(), v.regex(agentPattern, "must be a name of small letters, digits and -"));
const user = v.pipe(v.string(), v.regex(userPattern, "must be letters, digits and any of `_.@+%=~-`"));
const header = v.pipe(v.string(), v.regex(headerPattern, "must be the name of a header"));
const listOf = <T extends v.GenericSchema>(item: T) => v.pipe(v.array(item), v.maxLength(1000));
const variables = v.record(variable, text);

const duration = v.pipe(
  v.string(),
  v.regex(durationPattern, "must be a duration such as 90s, 30m or 2h"),
  v.check((value) => parseDurationMs(value) !== undefined, "must be at most 24 days"),
);
const size = v.pipe(
  v.string(),
  v.regex(sizePattern, "must be a size such as 512m or 4g"),
  v.check((value) => parseSizeBytes(value) !== undefined, "must be at least 1m"),
);
const above = (least: number, most: number) =>
  v.pipe(v.number(), v.minValue(least, `must be at least ${least}`), v.maxValue(most, `must be at most ${most}`));

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
  filesystem: said(
    "Paths; `~` is home, relative paths start at the file's own directory.",
    v.strictObject({
      read: said("Also inside, read-only.", listOf(plain)),
      write: said("Also inside, writable.", listOf(plain)),
      hide: said("Never inside, except for a more specific path in `read` or `write`.", listOf(plain)),
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
