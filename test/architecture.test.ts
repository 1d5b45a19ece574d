import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { builtCommands } from "../src/cli/commands.ts";
import { builtFlags, variableOf } from "../src/cli/flags.ts";
import { commandNames, loadCommand } from "../src/commands/index.ts";

/** The rules of the design that a reader could otherwise only hope for. */

const root = path.join(import.meta.dirname, "..");

/** Everything that is or will be committed. */
const files = spawnSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: root })
  .stdout.toString()
  .split("\0")
  .filter((file) => file !== "" && statSync(path.join(root, file), { throwIfNoEntry: false })?.isFile());
const textOf = (file: string): string => readFileSync(path.join(root, file), "utf8");
const sources = files.filter((file) => /^src\/.*\.ts$/.test(file));
const code = files.filter((file) => /\.tsx?$/.test(file) && !file.endsWith(".d.ts"));

/** Without comments and the text of strings, in which any word may stand. */
const bareOf = (file: string): string =>
  textOf(file)
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/(^|\s)\/\/.*$/gm, "");

const importing = (specifier: RegExp): string[] =>
  sources.filter((file) =>
    [...bareOf(file).matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].some(([, name]) => specifier.test(name!)),
  );

test("there is something to look at", () => {
  expect(sources.length).toBeGreaterThan(50);
  expect(files).toContain("test/architecture.test.ts");
});

describe("who may do what", () => {
  test("only exec.ts and the terminal start processes", () => {
    const starts = /\bBun\.(spawn|spawnSync|\$)|\bprocess\.(execve|binding|dlopen)|\bWorker\(/;
    const found = [
      ...sources.filter((file) => starts.test(bareOf(file))),
      ...importing(/^(node:)?(child_process|cluster)$/),
    ];
    expect(found.filter((file) => file !== "src/exec.ts" && !file.startsWith("src/terminal/"))).toEqual([]);
  });

  test("only these touch the file system", () => {
    const allowed = [
      ...["src/host.ts", "src/exec.ts", "src/file-lock.ts", "src/unnamed-file.ts"],
      ...["src/agents/directories.ts", "src/agents/private-file.ts", "src/agents/seed.ts", "src/agents/state.ts"],
      ...["continuing", "conversations", "history", "history-database", "history-export", "settings-links"].map(
        (name) => `src/agents/${name}.ts`,
      ),
      ...["src/backends/bubblewrap.ts", "src/backends/cgroup.ts", "src/backends/version.ts"],
      ...[
        "src/cli/ask.ts",
        "src/cli/output.ts",
        "src/commands/login.ts",
        "src/commands/carry-out.ts",
        "src/config/file.ts",
        "src/config/trust.ts",
      ],
      ...[
        "src/plan/gather.ts",
        "src/plan/network.ts",
        "src/plan/program.ts",
        "src/guest/enter.ts",
        "src/guest/native.ts",
      ],
      ...["backup", "handed-over", "kept", "lock", "oauth", "store"].map((name) => `src/credentials/${name}.ts`),
      ...["src/guest/clipboard.ts", "src/plan/certificates.ts"],
      ...["audit", "audit-reader", "learned", "namespace", "publish"].map((name) => `src/egress/${name}.ts`),
      "src/project.ts",
    ];
    // Files are what these rooms are about.
    const folders = ["src/doctor/", "src/run/", "src/sessions/", "src/terminal/", "src/workspace/"];
    const found = importing(/^(node:)?fs(\/promises)?$/).filter(
      (file) => !folders.some((folder) => file.startsWith(folder)),
    );
    expect(found.filter((file) => !allowed.includes(file))).toEqual([]);
  });

  test("only these open sockets", () => {
    const opens = /\bBun\.(listen|connect|serve|udpSocket)\b|\bfetch\(/;
    const found = [
      ...sources.filter((file) => opens.test(bareOf(file))),
      ...importing(/^(node:)?(net|http|https|http2|dgram|tls|dns)$/),
    ];
    const allowed = [
      ...["dialler", "doors", "intercept/terminate", "name-server", "publish", "upstream"].map(
        (name) => `src/egress/${name}.ts`,
      ),
      ...["src/clipboard/serve.ts", "src/credentials/oauth.ts", "src/guest/clipboard.ts", "src/run/control.ts"],
      ...["src/ssh-agent/agent.ts", "src/ssh-agent/serve.ts"],
    ];
    expect(found.filter((file) => !allowed.includes(file))).toEqual([]);
  });

  const pure = [
    ...[
      "caches",
      "create",
      "environment",
      "explain",
      "filesystem",
      "locations",
      "plan",
      "setup",
      "trust-stores",
      "workdir",
    ].map((name) => `src/plan/${name}.ts`),
    ...["config", "dotenv", "layers", "listing", "merge", "narrow", "policy", "resolve", "schema", "values"].map(
      (name) => `src/config/${name}.ts`,
    ),
    ...["argv", "commands", "completions", "flags", "given", "help", "likeness", "man", "network-flags"].map(
      (name) => `src/cli/${name}.ts`,
    ),
    ...[
      ...["agent", "catalog", "command", "registry", "mcp/servers", "mcp/demands", "mcp/mounts", "mcp/project"],
      ...["mcp/secrets", "settings/reference", "settings/secrecy", "settings/merge", "settings/projection"],
    ].map((name) => `src/agents/${name}.ts`),
    ...["protocol", "filter", "config"].map((name) => `src/ssh-agent/${name}.ts`),
    ...["clipboard", "image", "tool", "arguments"].map((name) => `src/clipboard/${name}.ts`),
    ...[
      ...["address", "base-url", "denial", "ecosystems", "egress", "name", "pattern", "presets", "registries", "rules"],
      ...["request-path", "rule-list", "intercept/head", "intercept/inject", "intercept/scrub"],
      ...["intercept/frames", "intercept/h2", "intercept/h1", "intercept/response", "intercept/response-filter"],
      ...["intercept/hpack", "intercept/huffman", "intercept/outlet", "intercept/field-block", "intercept/h2-data"],
      ...["intercept/h2-head", "intercept/h2-message", "intercept/h2-settings", "intercept/h2-state", "http-fields"],
    ].map((name) => `src/egress/${name}.ts`),
    ...["src/backends/backend.ts", "src/backends/seccomp.ts", "src/backends/seccomp/bpf.ts", "src/errors.ts"],
    ...["src/launch.ts", "src/launch-json.ts", "src/policy.ts"],
  ];
  test.each(pure)("%s is pure", (file) => {
    const text = bareOf(file);
    const impure =
      /\bprocess\.|\bBun\.|\bDate\b|\bMath\.random|\bcrypto\b|\bperformance\.|\bsetTimeout|\bglobalThis|\bconsole\./;
    expect(impure.exec(text)?.[0]).toBeUndefined();
    const imports = [...text.matchAll(/^import (?!type ).*?from "(node:[^"]+|bun[^"]*)"/gms)].map(([, name]) => name);
    expect(imports.filter((name) => !["node:path", "node:util"].includes(name!))).toEqual([]);
  });

  test("only output.ts and the terminal write to the user", () => {
    const writes = /\bconsole\.\w+\(|\bprocess\.(stdout|stderr)\b|\bBun\.(stdout|stderr)\b/;
    const found = sources.filter((file) => writes.test(bareOf(file)) && !file.startsWith("src/terminal/"));
    expect(found.filter((file) => !["src/cli/output.ts"].includes(file))).toEqual([]);
  });
});

describe("size and names", () => {
  test("no file has more than 250 lines, no test more than 300", () => {
    const most = (file: string) => (file.startsWith("test/") ? 300 : 250);
    expect(code.filter((file) => textOf(file).split("\n").length - 1 > most(file))).toEqual([]);
  });

  /** Closures around one state, in place of a class: the functions in them are short, the whole may be longer. */
  const closures = ["createFilter", "createModes", "openOuter", "openTerminal", "createJudge"];

  test("no function has more than 50 lines", () => {
    const opening = /^( *).*(?:=> |\) |\): .* )[{([]+$/;
    const long = sources.flatMap((file) => {
      const lines = textOf(file).split("\n");
      return lines.flatMap((line, at) => {
        const indent = opening.exec(line)?.[1];
        if (indent === undefined || closures.some((name) => line.includes(` ${name} = `))) return [];
        const rest = lines.slice(at + 1);
        const length =
          rest.findIndex((other) => /^[})\]]/.test(other.slice(indent.length)) && other.startsWith(indent)) + 2;
        return length > 50 ? [`${file}:${at + 1} ${length} lines`] : [];
      });
    });
    expect(long).toEqual([]);
  });

  test("file names are kebab-case nouns", () => {
    const named = code.map((file) => path.basename(file).replace(/(\.test|\.d)?\.ts$/, ""));
    expect(named.filter((name) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name))).toEqual([]);
    expect(
      named.filter((name) =>
        /^(utils?|helpers?|common|types?|manager|misc|shared)$|-(utils?|helpers?|manager)$/.test(name),
      ),
    ).toEqual([]);
  });
});

describe("what never stands in a file", () => {
  // Put together here, so that this file does not hold what it forbids.
  const dotted = (...labels: string[]) => labels.join("\\.");
  const hosts = [
    ...[dotted("registry", "npmjs", "org"), dotted("registry", "yarnpkg", "com"), dotted("npmjs", "com")],
    ...["deb", "security", "ftp", "snapshot", "archive"].flatMap((name) => [
      dotted(name, "debian", "org"),
      dotted(name, "ubuntu", "com"),
    ]),
  ];
  const texts = files.filter((file) => !/\.(png|gif|ico|lock)$/.test(file));

  test("the hosts of package registries", () => {
    const pattern = new RegExp(hosts.join("|"), "i");
    expect(texts.filter((file) => pattern.test(textOf(file)))).toEqual([]);
  });

  test("paths of a developer's machine", () => {
    const places = [path.resolve(root), ["", "work", ""].join("/"), ["", "Users", ""].join("/")];
    const found = texts.flatMap((file) =>
      places.filter((place) => textOf(file).includes(place)).map((place) => `${file}: ${place}`),
    );
    expect(found).toEqual([]);
  });
});

describe("the tables", () => {
  test("every built command has its function, and no function is without a command", async () => {
    const own = ["agent"];
    const named = builtCommands.map(({ name }) => name);
    expect(commandNames.filter((name) => !own.includes(name)).sort()).toEqual([...named].sort());
    for (const name of commandNames) expect(await loadCommand(name)).toBeFunction();
  });

  test("every option has a help text and at most one variable of its name", () => {
    expect(builtFlags.filter(({ help }) => help === "").map(({ long }) => long)).toEqual([]);
    const variables = builtFlags.flatMap((flag) => variableOf(flag) ?? []);
    expect(new Set(variables).size).toBe(variables.length);
  });
});
