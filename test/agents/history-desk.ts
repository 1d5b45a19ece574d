import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { locateState, type PrivateState, prepareState } from "../../src/agents/state.ts";
import type { Host } from "../../src/host.ts";
import { placesOf } from "../../src/places.ts";
import { agentOf } from "../agents-data/desk.ts";
import { sampleHost } from "../plan/sample.ts";

/** A throw-away home with a project, and what a start does with an agent's state there. */
export const openDesk = () => {
  const home = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "cordon-history-")));
  const project = path.join(home, "my.project");
  fs.mkdirSync(project);
  const host: Host = {
    ...{ ...sampleHost, home, realHome: home, cwd: project, project, env: {} },
    places: placesOf({}, home, 1000),
  };
  const at = (name: string) => path.join(home, name);
  const write = (name: string, text: string, ageSeconds = 0): string => {
    const file = at(name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
    const seconds = Date.now() / 1000 - ageSeconds;
    fs.utimesSync(file, seconds, seconds);
    return file;
  };
  const locate = (name: string, place?: string): PrivateState[] =>
    locateState(agentOf(name), host, project, "broker", place);
  const start = async (name: string, place?: string): Promise<string> => {
    const states = locate(name, place);
    await prepareState(states, { values: { workdir: project, "key-tail": "" }, keys: [], files: [] });
    return states[0]!.host;
  };
  const close = () => fs.rmSync(home, { recursive: true });
  return { home, project, host, at, write, locate, start, close };
};

export type Desk = ReturnType<typeof openDesk>;

/** Files below a directory, with what they say. */
export const readTree = (directory: string): Record<string, string> =>
  Object.fromEntries(
    fs
      .readdirSync(directory, { recursive: true, encoding: "utf8" })
      .filter((name) => fs.lstatSync(path.join(directory, name)).isFile())
      .sort()
      .map((name) => [name, fs.readFileSync(path.join(directory, name), "utf8")]),
  );

export const ids = ["1", "2", "3"].map((digit) => `${digit.repeat(8)}-1111-4111-8111-${digit.repeat(12)}`);

/** A conversation as Claude Code and Codex write them: a line that names the directory, lines that say something. */
export const talk = (directory: string, ...said: string[]): string =>
  [{ type: "session_meta", cwd: directory }, ...said.map((text) => ({ text }))]
    .map((line) => `${JSON.stringify(line)}\n`)
    .join("");
