import path from "node:path";
import type { World } from "../conformance/world.ts";
import type { Script } from "../models/script.ts";
import type { AgentName } from "./install.ts";

/** How one agent is pointed at a scripted model server, given a task, and asked to go on with it. */
export type Recipe = { task: string[]; resume: string[]; prepare(world: World, url: string): Record<string, string> };

export const recipes: Record<AgentName, Recipe> = {
  claude: {
    task: ["-p", "do it"],
    resume: ["--continue", "-p", "go on"],
    prepare: (_world, url) => ({ ANTHROPIC_BASE_URL: url, ANTHROPIC_API_KEY: "sk-ant-fake-key-1234567890123456789" }),
  },
  codex: {
    task: ["exec", "do it"],
    resume: ["exec", "resume", "--last", "go on"],
    prepare: ({ write, home }, url) => {
      // Codex ignores the variable for its address.
      write(path.join(home, ".codex/config.toml"), `openai_base_url = "${url}/v1"\n[analytics]\nenabled = false\n`);
      return { CODEX_API_KEY: "sk-fake" };
    },
  },
  gemini: {
    task: ["-p", "do it"],
    resume: ["--resume", "latest", "-p", "go on"],
    prepare: (_world, url) => ({ GOOGLE_GEMINI_BASE_URL: url, GEMINI_API_KEY: "fake-key" }),
  },
  opencode: {
    task: ["run", "do it"],
    resume: ["run", "--continue", "go on"],
    prepare: (_world, url) => {
      const anthropic = { options: { baseURL: `${url}/v1` } };
      const config = { model: "anthropic/claude-sonnet-4-5", provider: { anthropic } };
      return {
        ANTHROPIC_API_KEY: "sk-fake",
        OPENCODE_DISABLE_MODELS_FETCH: "1",
        OPENCODE_CONFIG_CONTENT: JSON.stringify(config),
      };
    },
  },
};

/** Fake secrets and other projects' memories, where the real ones lie. */
export const canaryFiles = [
  ...[".ssh/id_ed25519", ".aws/credentials", ".netrc", ".config/gh/hosts.yml"],
  ...[".claude/projects/other/1.jsonl", ".codex/history.jsonl", ".gemini/tmp/other/logs.json"],
  ".local/share/opencode/log/other.log",
];

/** The first prompt ends with a `say`; a resumed conversation gets the turn after it. */
export const script: Script = {
  turns: [
    {
      shell: `echo from-shell | tee out.txt; cd ~; cat ${canaryFiles.join(" ")}; ls -A .ssh; grep -rs planted . ; env`,
    },
    { write: { path: "new.txt", content: "hello\n" } },
    { edit: { path: "new.txt", old: "hello", new: "goodbye" } },
    { say: "The first part is done." },
    { shell: "echo resumed | tee again.txt" },
  ],
  final: "All done.",
};
