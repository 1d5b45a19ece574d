import fs from "node:fs";
import path from "node:path";
import { capture, type World } from "./world.ts";

/** Sizes of a project that is large in every way in which projects are. */
const directories = 10_000;
const filesEach = 10;
const ignoredFiles = 10_000;
const ignoredBytes = 1024 ** 3;

/** The user's git: a name, and nothing of the machine's own settings. */
export const gitEnv = (env: Record<string, string>): Record<string, string> => ({
  ...env,
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  ...{ GIT_AUTHOR_NAME: "Ada", GIT_AUTHOR_EMAIL: "ada@example.org" },
  ...{ GIT_COMMITTER_NAME: "Ada", GIT_COMMITTER_EMAIL: "ada@example.org" },
});

/** A repository without a commit. */
export const createEmpty = (world: World, name: string): string => {
  const project = path.join(world.root, name);
  fs.mkdirSync(project);
  git(world, project, "init", "-q", "-b", "main");
  return project;
};

/** 100,000 files in one commit, packed, with a clean index, and 1 GB beside them that git ignores. Takes a while. */
export const createLarge = (world: World, name: string): string => {
  const project = createEmpty(world, name);
  const commit = ["commit refs/heads/main", "committer Ada <ada@example.org> 0 +0000", "data 3", "all"];
  const write = (file: string, text: string) => {
    fs.writeFileSync(path.join(project, file), text);
    commit.push(`M 100644 inline ${file}`, `data ${text.length}`, text);
  };
  write(".gitignore", "node_modules/\n");
  for (let directory = 0; directory < directories; directory++) {
    const place = `src/m${directory % 100}/d${directory}`;
    fs.mkdirSync(path.join(project, place), { recursive: true });
    for (let file = 0; file < filesEach; file++)
      write(`${place}/f${file}.ts`, `export const value = ${directory * filesEach + file};\n`);
  }
  const stream = path.join(world.root, "stream");
  fs.writeFileSync(stream, `${commit.join("\n")}\n`);
  git(world, project, "-c", "fastimport.unpackLimit=1", "fast-import", "--quiet", { stdin: stream });
  fs.rmSync(stream);
  git(world, project, "reset", "-q");
  addIgnored(path.join(project, "node_modules"));
  return project;
};

const addIgnored = (place: string): void => {
  const bytes = Buffer.alloc(Math.ceil(ignoredBytes / ignoredFiles), crypto.getRandomValues(new Uint8Array(4096)));
  for (let file = 0; file < ignoredFiles; file++) {
    const directory = path.join(place, `p${Math.floor(file / 10)}/lib`);
    if (file % 10 === 0) fs.mkdirSync(directory, { recursive: true });
    fs.writeFileSync(path.join(directory, `f${file % 10}.js`), bytes);
  }
};

const git = (world: World, project: string, ...words: (string | { stdin: string })[]): void => {
  const args = words.filter((word) => typeof word === "string");
  const stdin = words.find((word) => typeof word !== "string")?.stdin;
  // A shell, because what is given on stdin is larger than anybody wants to hold in memory twice.
  const argv = ["sh", "-c", `exec git "$@" < "${stdin ?? "/dev/null"}"`, "sh", ...args];
  capture(argv, { project, env: gitEnv(world.env) });
};
