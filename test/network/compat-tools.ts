import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import type { Authority } from "./servers/authority.ts";
import type { Sshd } from "./servers/ssh.ts";

const here = import.meta.dirname;
const cache = path.join(process.env["CORDON_TEST_CACHE"] ?? path.join(here, "../../.cache"), "clients");
const programs = "/usr/local/bin:/usr/bin:/bin".split(":");

/** Fills the directory with what `clients.sh` has fetched and what is compiled here. What is missing stays away. */
export const collectTools = (tools: string, { ca }: Authority): void => {
  const at = (name: string): string => path.join(tools, name);
  fs.copyFileSync(path.join(here, "../../node_modules/.bin/bun"), at("bun"));
  for (const [name, pattern] of [
    ["go", "go/usr/lib/go-*/bin/go"],
    ["gh", "gh/usr/bin/gh"],
    ["pnpm", "pnpm-*/node_modules/.bin/pnpm"],
    ["yarn", "yarn-*/node_modules/yarn"],
  ] as const) {
    const [found] = fs.globSync(pattern, { cwd: cache });
    if (found) fs.cpSync(fs.realpathSync(path.join(cache, found)), at(name), { recursive: true });
  }
  const sources = path.join(here, "clients");
  if (findProgram("musl-gcc")) run("musl-gcc", "-static", "-o", at("fetch"), path.join(sources, "fetch.c"));
  if (!findProgram("javac") || !findProgram("keytool")) return;
  run("javac", "-d", tools, path.join(sources, "Fetch.java"));
  run("keytool", "-importcert", "-noprompt", "-file", ca, "-keystore", at("trust.p12"), "-storepass", "made-up");
};

const run = (program: string, ...words: string[]): void => void execFileSync(program, words, { stdio: "pipe" });

const findProgram = (name: string): string | undefined =>
  programs.map((place) => path.join(place, name)).find((file) => fs.existsSync(file));

/** The server that is installed, else the one that was unpacked. */
export const findSshd = (): Sshd | undefined => {
  const unpacked = path.join(cache, "sshd");
  const libraries = fs.globSync("{usr/,}lib/*-linux-gnu", { cwd: unpacked }).map((name) => path.join(unpacked, name));
  return [
    { program: "/usr/sbin/sshd", libraries: "" },
    { program: path.join(unpacked, "usr/sbin/sshd"), libraries: libraries.join(":") },
  ].find(({ program }) => fs.existsSync(program));
};

/** What of these programs and files is not there; `$TOOLS` stands for the directory of the tools, `*` for anything. */
export const missingOf = (needs: readonly string[], tools: string): string[] =>
  needs.filter((need) => {
    const file = need.replace("$TOOLS", tools);
    return path.isAbsolute(file) ? fs.globSync(file).length === 0 : findProgram(file) === undefined;
  });
