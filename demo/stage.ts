import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import fs from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";

/** A throw-away home, a throw-away project and a process of the host, side by side; nothing of the real user is in it. */
export type Stage = {
  home: string;
  project: string;
  /** The project as it was. */
  original: string;
  runtime: string;
  /** Left by the shell in which the second run takes place: what it found typed when the agent was gone. */
  typed: string;
  /** Stands in the private key, and in the token. */
  keySecret: string;
  tokenSecret: string;
  /** The agent signs in to the model server with it. */
  apiKey: string;
  bashrc: string;
  victim: ChildProcess;
  /** A server of somebody who collects what is other people's. */
  stranger: { port: number; received: () => string };
};

/** In /tmp by default, where a sandbox has a directory of its own: what is seen of these inside was let in. */
export const setStage = async (): Promise<{ stage: Stage; clear: () => void }> => {
  const base = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "cordon-demo-")));
  const at = (...names: string[]) => path.join(base, ...names);
  const original = path.join(import.meta.dirname, "project");
  const keySecret = randomBytes(24).toString("base64url");
  for (const directory of ["home/.ssh", "runtime"]) fs.mkdirSync(at(directory), { recursive: true, mode: 0o700 });
  fs.cpSync(original, at("bill"), { recursive: true });
  const key = ["-----BEGIN OPENSSH PRIVATE KEY-----", keySecret, "-----END OPENSSH PRIVATE KEY-----", ""].join("\n");
  fs.writeFileSync(at("home/.ssh/id_ed25519"), key, { mode: 0o600 });
  fs.writeFileSync(at("home/.bashrc"), "alias ll='ls -l'\n");
  fs.writeFileSync(at("home/.gitconfig"), "[user]\n\tname = Ada\n\temail = ada@example.org\n");
  for (const words of ["init -q -b main", "add .", "commit -q -m Bill"]) gitOf(at("home"), at("bill"), words);
  const { server, stranger } = await openStranger();
  const victim = spawn("sleep", ["900"], { stdio: "ignore", env: { PATH: "/usr/bin:/bin" } });
  const stage = {
    home: at("home"),
    project: at("bill"),
    original,
    runtime: at("runtime"),
    typed: at("typed"),
    keySecret,
    tokenSecret: `ghp_${randomBytes(18).toString("hex")}`,
    apiKey: `sk-ant-api03-demo-${randomBytes(24).toString("hex")}`,
    bashrc: at("home/.bashrc"),
    victim,
    stranger,
  };
  const clear = () => {
    server.close();
    victim.kill("SIGKILL");
    fs.rmSync(base, { recursive: true, force: true });
  };
  return { stage, clear };
};

/** The user's own git, outside; gives what it prints. */
export const gitOf = (home: string, project: string, words: string): string => {
  const env = { HOME: home, PATH: "/usr/local/bin:/usr/bin:/bin", GIT_CONFIG_NOSYSTEM: "1" };
  return execFileSync("git", ["-C", project, ...words.split(" ")], { env, encoding: "utf8" });
};

const openStranger = async () => {
  let received = "";
  const server = http.createServer((request, response) => {
    request.on("data", (chunk) => {
      received += chunk;
    });
    request.on("end", () => response.end("thank you\n"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, stranger: { port: (server.address() as AddressInfo).port, received: () => received } };
};
