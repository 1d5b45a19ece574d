import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import path from "node:path";

const identity = {
  GIT_AUTHOR_NAME: "t",
  GIT_AUTHOR_EMAIL: "t@t.test",
  GIT_COMMITTER_NAME: "t",
  GIT_COMMITTER_EMAIL: "t@t.test",
};
/** Nothing of the developer's own configuration. */
const env = { PATH: process.env["PATH"], HOME: "/nonexistent", GIT_CONFIG_NOSYSTEM: "1", ...identity };

/** A bare repository with one file, `word.txt`, that may be pushed to. */
export const createRepository = (directory: string, word: string, uid: number): void => {
  const git = (cwd: string, ...args: string[]): void => void execFileSync("git", args, { cwd, env, stdio: "pipe" });
  const work = `${directory}.work`;
  fs.mkdirSync(work);
  git(work, "init", "--quiet", "--initial-branch=main");
  fs.writeFileSync(path.join(work, "word.txt"), `${word}\n`);
  git(work, "add", "word.txt");
  git(work, "commit", "--quiet", "--message=one");
  git(work, "clone", "--quiet", "--bare", ".", directory);
  git(directory, "config", "http.receivepack", "true");
  execFileSync("chown", ["-R", `${uid}:${uid}`, directory]);
  fs.rmSync(work, { recursive: true });
};

/** Answers `/git/NAME.git/…` for the repositories below `root`, with git's own server (git-http-backend(1)). */
export const answerGit = (root: string, request: IncomingMessage, response: ServerResponse): void => {
  const url = new URL(request.url!, "https://git.test");
  const backend = spawn("git", ["http-backend"], {
    env: {
      ...env,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: "1",
      PATH_INFO: url.pathname.slice("/git".length),
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers["content-type"] ?? "",
      HTTP_CONTENT_ENCODING: `${request.headers["content-encoding"] ?? ""}`,
      GIT_PROTOCOL: `${request.headers["git-protocol"] ?? ""}`,
      REMOTE_USER: "t",
      REMOTE_ADDR: "127.0.0.1",
    },
    stdio: ["pipe", "pipe", "ignore"],
  });
  request.pipe(backend.stdin);
  backend.stdin.on("error", () => {});
  const chunks: Buffer[] = [];
  backend.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  backend.on("close", () => {
    const whole = Buffer.concat(chunks);
    const end = whole.indexOf("\r\n\r\n");
    for (const line of whole.subarray(0, end).toString().split("\r\n")) {
      const [name = "", value = ""] = line.split(/: (.*)/s);
      if (name === "Status") response.statusCode = Number.parseInt(value, 10);
      else if (name !== "") response.setHeader(name, value);
    }
    response.end(whole.subarray(end + 4));
  });
};
