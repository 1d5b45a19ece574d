import type { McpDialect } from "../agent.ts";
import { fillReferences, type Variables } from "../settings/reference.ts";
import { isPlain, isSecretName, isSecretValue } from "../settings/secrecy.ts";
import { isTable, mapTable, type Setting, type Settings } from "../settings/text.ts";

/** A value as the agent on the host would understand it. */
export type Text = { text: string; isSecret: boolean };

/** One server of a settings file. `origin` is the file's name for people. */
export type McpServer = { name: string; origin: string; scope: "user" | "project" } & (
  | { kind: "stdio"; command: string; args: Text[]; env: Record<string, Text> }
  | { kind: "http"; url: string; headers: Record<string, Text> }
);

/** Where the tables of servers stand: at the top, and in each entry of `projects`. */
export type McpTables = { dialect: McpDialect; projects?: string | undefined };

/** What a server is read with: the file's name for people, whose it is, and the variables that its agent would fill in. */
export type McpReading = { origin: string; scope: McpServer["scope"]; env: Variables };

/** The servers of a settings file. What is neither a program nor an address is none. */
export const readServers = (config: Settings, { dialect, projects }: McpTables, reading: McpReading): McpServer[] => {
  const entries = projects !== undefined && isTable(config[projects]) ? Object.values(config[projects]) : [];
  return [config, ...entries]
    .flatMap((place) => (isTable(place) ? [place[dialect.table]] : []))
    .flatMap((table) => (isTable(table) ? Object.entries(table) : []))
    .flatMap(([name, entry]) => (isTable(entry) ? (readServer(name, entry, dialect, reading) ?? []) : []));
};

export const readServer = (
  name: string,
  entry: Settings,
  dialect: McpDialect,
  { origin, scope, env }: McpReading,
): McpServer | undefined => {
  const read = (text: string, label = ""): Text => readText(text, label, dialect, env);
  const whose = { name, origin, scope };
  const [command, ...args] = wordsOf(entry["command"]);
  const url = (dialect.urls ?? ["url"]).map((key) => entry[key]).find((value) => typeof value === "string");
  if (command !== undefined && !(url !== undefined && remoteTypes.includes(String(entry["type"])))) {
    const words = [...args, ...wordsOf(entry["args"])];
    return {
      ...{ ...whose, kind: "stdio", command: read(command).text },
      args: words.map((word, at) => read(word, labelOf(word, words[at - 1]))),
      env: {
        ...named(listed(entry[dialect.named?.env ?? ""]), env),
        ...readAll(entry[dialect.env ?? "env"], read),
      },
    };
  }
  if (url === undefined) return undefined;
  const bearer = env[String(entry[dialect.named?.bearer ?? ""])];
  return {
    ...{ ...whose, kind: "http", url: read(url).text },
    headers: {
      ...(bearer !== undefined && { Authorization: { text: `Bearer ${bearer}`, isSecret: true } }),
      ...named(isTable(entry[dialect.named?.headers ?? ""]) ? entry[dialect.named!.headers]! : {}, env),
      ...readAll(entry[dialect.headers ?? "headers"], read),
    },
  };
};

/** Where an entry says what it is, this decides; else a program comes first. */
const remoteTypes = ["http", "sse", "streamable-http", "ws", "remote"];

/** The keys that `readServer` reads, by the kind of server they belong to. */
const keysOf = (dialect: McpDialect): Record<McpServer["kind"], string[]> => ({
  stdio: ["command", "args", dialect.env ?? "env", ...(dialect.named ? [dialect.named.env] : [])],
  http: [
    ...(dialect.urls ?? ["url"]),
    dialect.headers ?? "headers",
    ...(dialect.named ? [dialect.named.bearer, dialect.named.headers] : []),
  ],
});

export const isServerKey = (dialect: McpDialect, key: string): boolean =>
  Object.values(keysOf(dialect)).flat().includes(key);

/** What is written in place of a server's own values. */
export type Inside =
  | { kind: "stdio"; command: string; args: string[]; env: Record<string, string> }
  | { kind: "http"; url: string; headers: Record<string, string> };

/** The entry of a settings file with these values alone, where `readServer` finds them. */
export const writeServer = (entry: Settings, inside: Inside, dialect: McpDialect): Settings => {
  const rest = mapTable(entry, (value, key) => (isServerKey(dialect, key) ? undefined : value));
  const filled = (key: string, values: Record<string, string>): Settings =>
    Object.keys(values).length > 0 ? { [key]: values } : {};
  if (inside.kind === "http") {
    const key = (dialect.urls ?? ["url"]).find((url) => typeof entry[url] === "string")!;
    return { ...rest, [key]: inside.url, ...filled(dialect.headers ?? "headers", inside.headers) };
  }
  const program: Settings = Array.isArray(entry["command"])
    ? { command: [inside.command, ...inside.args] }
    : { command: inside.command, ...(inside.args.length > 0 && { args: inside.args }) };
  return { ...rest, ...program, ...filled(dialect.env ?? "env", inside.env) };
};

/** The settings with every server changed; what stands among them and is no table at all is gone. */
export const projectMcp = (
  config: Settings,
  { dialect, projects }: McpTables,
  change: (name: string, entry: Settings) => Settings,
): Settings => {
  const inPlace = (place: Setting): Setting =>
    isTable(place) ? mapTable(place, (value, key) => (key === dialect.table ? inTable(value) : value)) : place;
  const inTable = (table: Setting): Setting =>
    isTable(table) ? mapTable(table, (entry, name) => (isTable(entry) ? change(name, entry) : undefined)) : {};
  return mapTable(inPlace(config) as Settings, (value, key) =>
    key === projects && isTable(value) ? mapTable(value, inPlace) : value,
  );
};

/** A value with its references filled in; secret by the name it goes by, by those it refers to, or by its looks. */
const readText = (raw: string, label: string, { reference }: McpDialect, env: Variables): Text => {
  const { text, names } = fillReferences(raw, reference, env);
  const isNamed = isSecretName(label) || names.some((name) => env[name] !== undefined && isSecretName(name));
  return { text, isSecret: (isNamed && !isPlain(text)) || isSecretValue(text) };
};

const readAll = (table: Setting | undefined, read: (text: string, label: string) => Text): Record<string, Text> =>
  isTable(table)
    ? Object.fromEntries(
        Object.entries(table).flatMap(([key, value]) =>
          typeof value === "string" || typeof value === "number" || typeof value === "bigint"
            ? [[key, read(String(value), key)]]
            : [],
        ),
      )
    : {};

/** Values that the settings name by their variable. */
const named = (table: Setting, env: Variables): Record<string, Text> =>
  Object.fromEntries(
    Object.entries(isTable(table) ? table : {}).flatMap(([key, variable]) => {
      const text = env[String(variable)];
      const isSecret = isSecretName(key) || isSecretName(String(variable)) || isSecretValue(text ?? "");
      return text === undefined ? [] : [[key, { text, isSecret: isSecret && !isPlain(text) }]];
    }),
  );

const listed = (value: Setting | undefined): Settings => Object.fromEntries(wordsOf(value).map((name) => [name, name]));

const wordsOf = (value: Setting | undefined): string[] =>
  (Array.isArray(value) ? value : [value]).filter((word) => typeof word === "string");

/** What an argument is called: by the option it belongs to, or as a header (`Name: value`). */
const labelOf = (word: string, before: string | undefined): string => {
  const own = /^-{1,2}([\w-]+)=/.exec(word) ?? /^([\w-]+): /.exec(word);
  if (own) return own[1]!;
  return before?.startsWith("--") && !before.includes("=") && !word.startsWith("-") ? before : "";
};
