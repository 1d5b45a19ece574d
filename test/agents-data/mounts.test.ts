import { describe, expect, test } from "bun:test";
import type { Mount } from "../../src/plan/plan.ts";
import { type Circumstances, demandsOf } from "./desk.ts";

const home = "/home/ada";
const origin = "~/.claude/.claude.json (MCP server a)";
const bind = (target: string, source = target): Mount => ({ kind: "bind", source, target, mode: "ro", origin });

const show = async (
  words: string[],
  paths: Circumstances["paths"] = {},
  filesystem: Circumstances["filesystem"] = {},
): Promise<{ mounts: Mount[]; notes: string[] }> => {
  const [command = "", ...args] = words;
  const config = { mcpServers: { a: { command, args } } };
  return demandsOf("claude", ".claude.json", config, { paths: paths!, filesystem: filesystem! });
};

describe("what the user's settings name is shown, read-only", () => {
  test("a script, a program, a directory, the value of an option; each once", async () => {
    const paths = {
      [`${home}/tools/serve.js`]: "file",
      [`${home}/opt/program`]: "file",
      [`${home}/notes`]: "directory",
      [`${home}/one.json`]: "file",
    } as const;
    const args = [
      `${home}/tools/serve.js`,
      `${home}/notes/`,
      `${home}/notes`,
      `--config=${home}/one.json`,
      "relative.js",
    ];
    const { mounts, notes } = await show([`${home}/opt/program`, ...args], paths);
    expect(mounts).toEqual(
      [`${home}/opt/program`, `${home}/tools/serve.js`, `${home}/notes`, `${home}/one.json`].map((at) => bind(at)),
    );
    expect(notes).toEqual([]);
  });

  test("what is not there, a socket, what every run shows and the project itself need nothing", async () => {
    const paths = { "/usr/bin/node": "file", "/srv/x.sock": "socket", [`${home}/code/app/server.js`]: "file" } as const;
    const { mounts, notes } = await show(
      ["/usr/bin/node", "/srv/x.sock", `${home}/code/app/server.js`, "/gone.js"],
      paths,
    );
    expect([mounts, notes]).toEqual([[], []]);
    const shown = await show([`${home}/tools/serve.js`], { [`${home}/tools/serve.js`]: "file" }, { base: "host" });
    expect(shown.mounts).toEqual([]);
  });

  test("a script comes with its package and the modules around it, but for `.env`", async () => {
    const paths = {
      [`${home}/mono/packages/one/dist/serve.js`]: "file",
      [`${home}/mono/packages/one/package.json`]: "file",
      [`${home}/mono/packages/one/.env`]: "file",
      [`${home}/mono/node_modules`]: "directory",
      [`${home}/mono/package.json`]: "file",
    } as const;
    const { mounts } = await show(["node", `${home}/mono/packages/one/dist/serve.js`], paths);
    const env = `${home}/mono/packages/one/.env`;
    expect(mounts).toEqual([
      bind(`${home}/mono/packages/one`),
      bind(`${home}/mono/node_modules`),
      { kind: "mask", of: "file", target: env, origin },
    ]);
    const read = [{ value: env, origin: "--allow-readonly" }];
    const { mounts: shown } = await show(["node", `${home}/mono/packages/one/dist/serve.js`], paths, { read });
    expect(shown.some(({ kind }) => kind === "mask")).toBe(false);
  });

  test("through a link the script's real package is shown as well; a virtual environment with its own", async () => {
    const paths = {
      [`${home}/commands/serve`]: { link: `${home}/src/serve/main.js` },
      [`${home}/src/serve/package.json`]: "file",
      [`${home}/py/.venv/bin/python`]: { link: "/usr/bin/python3" },
      [`${home}/py/.venv/pyvenv.cfg`]: "file",
    } as const;
    const { mounts } = await show([`${home}/py/.venv/bin/python`, `${home}/commands/serve`], paths);
    expect(mounts).toEqual([
      bind(`${home}/py/.venv/bin/python`, "/usr/bin/python3"),
      bind(`${home}/py/.venv`),
      bind(`${home}/commands/serve`, `${home}/src/serve/main.js`),
      bind(`${home}/src/serve`),
    ]);
  });
});

describe("what is never shown by such a way", () => {
  test.each([
    ["home", home],
    ["a directory around home", "/home"],
    ["the root", "/"],
    ["a directory around the project", `${home}/code`],
    ["a place of secrets", `${home}/.ssh`],
    ["a file in one", `${home}/.aws/credentials`],
    ["a directory around one", `${home}/.config`],
    ["the agent's own state", `${home}/.claude/history.jsonl`],
    ["cordon's own directories", `${home}/.local/state/cordon/audit.jsonl`],
    ["the system's processes", "/proc"],
    ["a device", "/dev/sda"],
    ["what the user hides", `${home}/hidden/serve.js`],
    ["around what the user hides", `${home}/around`],
  ])("%s: %s", async (_, target) => {
    const hide = [`${home}/hidden`, `${home}/around/it`].map((value) => ({ value, origin: "--deny-path" }));
    const { mounts, notes } = await show(["node", target], { [target]: "directory" }, { hide });
    expect(mounts).toEqual([]);
    expect(notes).toEqual([`${origin}: ${target} stays hidden inside; \`--allow-readonly\` shows it`]);
  });

  test("a link to a secret, and a package that is home itself", async () => {
    const paths = {
      [`${home}/link`]: { link: `${home}/.ssh/id_ed25519` },
      [`${home}/serve.js`]: "file",
      [`${home}/package.json`]: "file",
      [`${home}/node_modules`]: "directory",
    } as const;
    const { mounts, notes } = await show(["node", `${home}/link`, `${home}/serve.js`], paths);
    expect(mounts).toEqual([bind(`${home}/serve.js`)]);
    expect(notes.length).toBe(1);
  });

  test("a path in a secret argument", async () => {
    const target = "/srv/key";
    expect((await show(["node", `--key=${target}`], { [target]: "file" })).mounts).toEqual([]);
  });
});
