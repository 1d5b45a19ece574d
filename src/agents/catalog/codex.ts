import type { Agent } from "../agent.ts";

export const codex: Agent = {
  name: "codex",
  command: "codex",
  install: "`npm install -g @openai/codex` installs it",
  autonomy: {
    args: [
      // The flag switches Codex's own sandbox off as well. A shared background daemon would outlive the terminal.
      "--no-daemon",
      "--dangerously-bypass-approvals-and-sandbox",
      // It asks whether the directory is trusted in spite of the flag.
      ...["-c", 'projects={{workdir}={trust_level="trusted"}}'],
      ...["-c", "check_for_update_on_startup=false"],
    ],
    unless: ["--dangerously-bypass-approvals-and-sandbox", "--yolo"],
  },
  subcommands: [
    "a",
    "agents",
    "app-server",
    "apply",
    "archive",
    "cloud",
    "completion",
    "debug",
    "delete",
    "doctor",
    "exec-server",
    "features",
    "help",
    "login",
    "logout",
    "mcp",
    "mcp-server",
    "plugin",
    "queue",
    "remote-control",
    "sandbox",
    "unarchive",
    "update",
  ],
  options: ["--add-dir", "--config", "--enable", "--image", "--model", "--profile", "--search", "--session"],
  addDir: "--add-dir",
  state: [
    {
      path: ".codex",
      moved: { by: "CODEX_HOME" },
      settings: ["AGENTS.md", "AGENTS.override.md", "hooks.json", "prompts", "rules", "themes"],
      credential: "auth.json",
      seeds: [{ name: "config.toml", kind: "copy" }],
    },
  ],
  env: {},
  keys: ["CODEX_API_KEY", "OPENAI_API_KEY", "CODEX_ACCESS_TOKEN"],
  pass: ["OPENAI_ORGANIZATION", "OPENAI_PROJECT", "CODEX_CA_CERTIFICATE", "RUST_LOG"],
  baseUrls: ["OPENAI_BASE_URL"],
  // `base_url` belongs to a provider of the user's own.
  baseUrlSettings: { state: ".codex", file: "config.toml", keys: ["openai_base_url", "base_url"] },
  hosts: ["api.openai.com", "chatgpt.com", "auth.openai.com"],
};
