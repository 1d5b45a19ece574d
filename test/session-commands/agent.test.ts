import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import path from "node:path";
import { findAgents } from "../agents/install.ts";
import { recipes } from "../agents/recipes.ts";
import { cordonBinary } from "../binary.ts";
import { createWorld } from "../conformance/world.ts";
import type { Script } from "../models/script.ts";
import { startModelServer } from "../models/server.ts";

/** The real Claude Code, told by a scripted model to edit and commit. */

const installed = await findAgents(["claude"]);
const patienceMs = 180_000;

const commit = (message: string) => ({
  shell: `git add . && git commit -qm '${message}' && git cat-file commit HEAD; git rev-parse HEAD`,
});
const first = [
  { write: { path: "new.txt", content: "hello\n" } },
  { edit: { path: "new.txt", old: "hello", new: "goodbye" } },
];

const openStage = async (script: Script) => {
  const world = createWorld({ cordon: [cordonBinary()], limits: false });
  const model = await startModelServer(script);
  const places = [
    installed!.claude.bin,
    path.dirname(Bun.which("node") ?? "/usr/bin/node"),
    "/usr/local/bin",
    "/usr/bin",
    "/bin",
  ];
  const env = { ...recipes.claude.prepare(world, model.url), PATH: places.join(":"), TERM: "xterm-256color" };
  const host = (script: string): string => {
    const own = { HOME: world.home, PATH: "/usr/local/bin:/usr/bin:/bin", LC_ALL: "C", GIT_CONFIG_NOSYSTEM: "1" };
    const done = spawnSync("sh", ["-ec", script], { cwd: world.project, env: own });
    if (done.status !== 0) throw new Error(`on the host: ${script}\n${done.stdout}${done.stderr}`);
    return done.stdout.toString();
  };
  const key = path.join(world.home, "key");
  spawnSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "ada@example.org", "-f", key]);
  host(`printf 'ada@example.org ' > ~/allowed; cat ~/key.pub >> ~/allowed
    git config --global user.name Ada; git config --global user.email ada@example.org; git config --global init.defaultBranch main
    git config --global gpg.format ssh; git config --global user.signingkey ~/key; git config --global commit.gpgsign true
    git config --global gpg.ssh.allowedSignersFile ~/allowed
    git init -q; echo one > a.txt; git add .; git commit -qm one; git verify-commit HEAD`);
  const cordon = async (...args: string[]) => {
    const done = await world.run(args, { env });
    expect({ code: done.code, stderr: done.stderr }).toMatchObject({ code: 0 });
    return done;
  };
  /** What the last commands said inside. */
  const said = () => model.toolResults().map(({ text }) => text);
  const close = async () => {
    await model.close();
    spawnSync("chmod", ["-R", "u+rwx", world.base]);
    world.cleanup();
  };
  return { world, model, host, cordon, said, close };
};

describe.if(installed !== undefined)("Claude Code commits", () => {
  test(
    "in a live run: the host's branch gets exactly that commit",
    async () => {
      const { host, cordon, said, close } = await openStage({
        turns: [...first, commit("by the agent")],
        final: "All done.",
      });
      try {
        const done = await cordon("claude", "-p", "do it");
        expect(done.stdout).toContain("All done.");
        expect(said().at(-1)!.trim()).toBe(host("git cat-file commit main; git rev-parse main").trim());
        expect(host("git log -1 --format='%s %an %G?'; cat new.txt; git status --porcelain; git fsck --strict")).toBe(
          "by the agent Ada N\ngoodbye\n",
        );
      } finally {
        await close();
      }
    },
    patienceMs,
  );

  test(
    "in a session: the merge brings exactly that commit, or signs it; the next run goes on with the conversation",
    async () => {
      const turns = [
        ...first,
        commit("by the agent"),
        { say: "The first part is done." },
        { shell: "echo more >> new.txt" },
        commit("more"),
      ];
      const { host, cordon, said, model, close } = await openStage({ turns, final: "All done." });
      try {
        const start = host("git rev-parse main");
        await cordon("--session", "s", "claude", "-p", "do it");
        expect(host("git rev-parse main; git status --porcelain; ls")).toBe(`${start}a.txt\n`);
        await cordon("merge", "s", "--no-sign");
        expect(said().at(-1)!.trim()).toBe(host("git cat-file commit main; git rev-parse main").trim());
        const resumed = await cordon("resume", "s", "-p", "go on");
        expect(resumed.stdout).toContain("All done.");
        // The whole conversation is there: what was said first and what was said last.
        expect(model.requests.findLast(({ toolResults }) => toolResults?.length)?.toolResults?.length).toBe(
          turns.length - 1,
        );
        const merged = await cordon("merge", "s");
        expect(merged.stdout).toContain("merged s into main: 1 commit, 1 file (fast-forward, signed), now ");
        const [inside = ""] = said().at(-1)!.trim().split("\n").slice(-1);
        host("git verify-commit main");
        expect(host(`git log -1 --format='%s %an %T' main`)).toBe(host(`git log -1 --format='%s %an %T' ${inside}`));
        expect(host("git rev-parse main")).not.toContain(inside);
        expect(host("cat new.txt; git status --porcelain; git fsck --strict --no-dangling")).toBe("goodbye\nmore\n");
      } finally {
        await close();
      }
    },
    patienceMs,
  );
});
