import { expect } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import type { Check } from "../conformance.ts";
import { secret, type World } from "./world.ts";

/** Stands in for an agent: a program under its name that carries out its last argument. */
const plantAgent = ({ write, home }: World, name = "claude") => {
  write(path.join(home, `.local/bin/${name}`), '#!/bin/sh\nfor last; do :; done\neval "$last"\n', 0o755);
  return { env: { PATH: `${home}/.local/bin:/usr/bin:/bin` } };
};

const tell = async (world: World, script: string, flags: string[] = [], options = {}) => {
  const result = await world.run([...flags, "claude", script], { ...plantAgent(world), ...options });
  if (result.code === 125) throw new Error(`the sandbox did not start: ${result.stderr}`);
  return result;
};

/** What an agent keeps, sees of the user's own, and shares. */
export const agentChecks: Check[] = [
  {
    name: "an agent gets its autonomy flag, its arguments verbatim, and gives its exit code",
    does: async (world) => {
      const { stdout, code } = await tell(world, 'printf "<%s>" "$@" | head -c 34; exit 9');
      expect({ stdout, code }).toEqual({ stdout: "<--dangerously-skip-permissions><p", code: 9 });
    },
  },
  {
    name: "an agent's state is kept between runs of one project",
    does: async (world) => {
      await tell(world, "mkdir -p ~/.claude/projects; echo remembered > ~/.claude/projects/history");
      expect((await tell(world, "cat ~/.claude/projects/history")).stdout).toBe("remembered\n");
      expect(existsSync(path.join(world.home, ".claude"))).toBe(false);
    },
  },
  {
    name: "two projects do not see each other's state, nor the host's",
    does: async (world) => {
      const second = path.join(world.home, "second");
      world.write(path.join(second, "file"), "");
      world.write(path.join(world.home, ".claude/projects/host-history"), secret);
      await tell(
        world,
        "mkdir -p ~/.claude/projects; echo first > ~/.claude/projects/history; echo first > ~/.cache/kept",
      );
      const { stdout } = await tell(world, "cat ~/.claude/projects/* ~/.cache/kept 2>/dev/null; true", [], {
        cwd: second,
      });
      expect(stdout).toBe("");
    },
  },
  {
    name: "the user's own settings come in, and cannot be changed",
    does: async (world) => {
      const own = path.join(world.home, ".claude");
      world.write(path.join(own, "CLAUDE.md"), "be kind\n");
      world.write(path.join(own, "skills/one/SKILL.md"), "a skill\n");
      const { stdout } = await tell(
        world,
        "cat ~/.claude/CLAUDE.md ~/.claude/skills/one/SKILL.md; for f in CLAUDE.md skills/one/SKILL.md; do (echo x > ~/.claude/$f) 2>/dev/null && echo written; done; echo x > ~/.claude/skills/new",
      );
      expect(stdout).toBe("be kind\na skill\n");
      expect(readFileSync(path.join(own, "CLAUDE.md"), "utf8")).toBe("be kind\n");
      expect(readdirSync(path.join(own, "skills"))).toEqual(["one"]);
    },
  },
  {
    name: "settings that cordon seeds keep the user's own keys, and the user's file stays as it was",
    does: async (world) => {
      const own = '{"model":"large","env":{"A":"1"}}';
      const file = world.write(path.join(world.home, ".claude/settings.json"), own);
      const { stdout } = await tell(world, "cat ~/.claude/settings.json; echo '{}' > ~/.claude/settings.json");
      expect(JSON.parse(stdout)).toMatchObject({
        model: "large",
        env: { A: "1" },
        skipDangerousModePermissionPrompt: true,
      });
      expect(readFileSync(file, "utf8")).toBe(own);
    },
  },
  {
    name: "a shared credential file is the host's, alone of its directory",
    does: async (world) => {
      const file = world.write(path.join(world.home, ".claude/.credentials.json"), "old\n", 0o600);
      world.write(path.join(world.home, ".claude/history.jsonl"), secret);
      const script =
        "cat ~/.claude/.credentials.json; echo new > ~/.claude/.credentials.json; cat ~/.claude/history.jsonl 2>/dev/null; ls -A ~/.claude";
      const { stdout } = await tell(world, script, ["--credentials", "share"]);
      expect(stdout).toStartWith("old\n");
      expect(stdout).not.toContain("history");
      expect(readFileSync(file, "utf8")).toBe("new\n");
      expect(readdirSync(path.dirname(file)).sort()).toEqual([".credentials.json", "history.jsonl"]);
    },
  },
  {
    name: "--credentials none brings neither the file nor the key",
    does: async (world) => {
      world.write(path.join(world.home, ".claude/.credentials.json"), secret, 0o600);
      const script = 'cat ~/.claude/.credentials.json 2>/dev/null; echo "[$ANTHROPIC_API_KEY]"';
      const env = { ...plantAgent(world).env, ANTHROPIC_API_KEY: secret };
      expect((await tell(world, script, ["--credentials", "none"], { env })).stdout).toBe("[]\n");
      expect((await tell(world, script, ["--credentials", "share"], { env })).stdout).toBe(`${secret}[${secret}]\n`);
    },
  },
  {
    name: "caches are the project's own and kept, the host's are neither read nor written",
    does: async (world) => {
      const hostFile = world.write(path.join(world.home, ".cache/npm/index"), secret);
      const script = "cat ~/.cache/npm/index 2>/dev/null; mkdir -p ~/.cache/npm; echo kept > ~/.cache/npm/index";
      await world.inside(script);
      expect((await world.inside(script)).stdout).toBe("kept\n");
      expect(readFileSync(hostFile, "utf8")).toBe(secret);
    },
  },
];
