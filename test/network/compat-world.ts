import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { findSshd } from "./compat-tools.ts";
import { type Authority, createAuthority } from "./servers/authority.ts";
import { awaitServer, type Door, openDoor } from "./servers/door.ts";
import { createRepository } from "./servers/git.ts";
import { nameUser } from "./servers/passwd.ts";
import { findPostgres, startPostgres } from "./servers/postgres.ts";
import { createRegistry, type Page } from "./servers/registry.ts";
import { startSsh } from "./servers/ssh.ts";
import { startWeb } from "./servers/web.ts";

/** The names of world.sh that are used here, and their addresses: both lead to the same servers. */
export const allowed = { name: "allowed.test", address: "11.1.1.1" };
export const denied = { name: "denied.test", address: "11.1.1.2" };

/** Where the servers themselves listen. */
const backstage = "11.1.1.53";
const sshPort = 2222;
const postgresPort = 54320;

export type World = { authority: Authority; repositories: string; doors: Map<string, Door[]>; close(): void };

/**
 * Every server of this suite, each behind one door at an allowed and one at a denied address. `word` is what they
 * answer; they run as `uid` where they refuse to be root. What the clients need of them is put into `tools`.
 */
export const startWorld = async (directory: string, tools: string, uid: number, word: string): Promise<World> => {
  const at = (name: string): string => {
    fs.mkdirSync(path.join(directory, name), { recursive: true, mode: 0o755 });
    return path.join(directory, name);
  };
  const authority = createAuthority(at("authority"), [allowed.name, denied.name]);
  const repositories = at("repositories");
  createRepository(path.join(repositories, "web.git"), word, process.getuid!());
  createRepository(path.join(repositories, "ssh.git"), word, uid);
  const wordPage: [string, Page] = ["/word", () => `${word}\n`];
  const apiPage: [string, Page] = ["/api/v3/word", () => JSON.stringify({ word })];
  const pages = new Map([...createRegistry(at("registry"), word), wordPage, apiPage]);
  const web = await startWeb(backstage, authority, pages, repositories);
  const ports: [number, number][] = [
    [80, web.http],
    [443, web.https],
  ];
  const ends = [web.close];
  if (uid !== 0) nameUser("git", uid, at("names"));
  const sshd = findSshd();
  if (sshd && uid !== 0) {
    const ssh = startSsh(sshd, at("ssh"), uid, backstage, sshPort);
    const place = path.join(tools, "sshd");
    fs.mkdirSync(place);
    fs.copyFileSync(ssh.key, path.join(place, "user-key"));
    fs.copyFileSync(ssh.knownHosts, path.join(place, "known"));
    execFileSync("chown", ["-R", `${uid}:${uid}`, place]);
    ports.push([22, sshPort]);
    ends.push(ssh.close);
  }
  const bin = findPostgres();
  if (bin && uid !== 0) {
    ends.push(startPostgres(bin, at("postgres"), uid, authority, backstage, postgresPort).close);
    fs.writeFileSync(path.join(tools, "postgres"), "");
    ports.push([5432, postgresPort]);
  }
  for (const [, port] of ports) await awaitServer(backstage, port);
  const doors = new Map<string, Door[]>();
  for (const { name, address } of [allowed, denied]) {
    const opened = ports.map(([port, inner]) => openDoor(address, port, { host: backstage, port: inner }));
    doors.set(name, await Promise.all(opened));
  }
  const close = (): void => {
    for (const door of [...doors.values()].flat()) door.close();
    for (const end of ends) end();
  };
  return { authority, repositories, doors, close };
};

/** How many connections came to any server under this name so far. */
export const countArrivals = (world: World, name: string): number =>
  (world.doors.get(name) ?? []).reduce((sum, { connections }) => sum + connections, 0);
