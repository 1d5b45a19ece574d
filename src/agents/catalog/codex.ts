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
  continues: {
    words: ["resume", "{id}"],
    behind: ["exec", "e"],
    unless: ["resume", "fork", "review", "--help", "-h", "--version", "-V"],
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
      settings: ["AGENTS.md", "AGENTS.override.md", "hooks", "hooks.json", "prompts", "themes", "*.sh", "*.py"],
      // It keeps skills and rules of its own beside the user's.
      open: { rules: 1, skills: 1 },
      credential: "auth.json",
      credentialFormat: "codex",
      history: {
        ...{ kind: "files", root: "sessions", by: "date", directoryKey: "cwd" },
        files: { in: "", like: /^rollout-[\dT-]+?-(?<id>[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})\.jsonl$/ },
        // It fills an index that it does not find, and never looks at the files again (its own doctor says so).
        index: /^(state|thread_history)_\d+\.sqlite(-wal|-shm)?$/,
        resume: "codex resume {id}",
      },
      seeds: [{ name: "config.toml", kind: "settings" }],
    },
  ],
  env: {},
  keys: ["CODEX_API_KEY", "OPENAI_API_KEY", "CODEX_ACCESS_TOKEN"],
  mints: ["POST auth.openai.com/oauth/token", "POST auth.openai.com/api/accounts/deviceauth/token"],
  signIn: { args: ["login"], remote: ["login", "--device-auth"], publish: [1455], words: [["login"]] },
  updates: ["update"],
  pass: ["OPENAI_ORGANIZATION", "OPENAI_PROJECT", "CODEX_CA_CERTIFICATE", "RUST_LOG"],
  baseUrls: ["OPENAI_BASE_URL"],
  // `base_url` belongs to a provider of the user's own.
  baseUrlSettings: { state: ".codex", file: "config.toml", keys: ["openai_base_url", "base_url"] },
  programs: ["hooks.*.*.hooks.*.command", "notify.0"],
  mcp: {
    table: "mcp_servers",
    headers: "http_headers",
    named: { bearer: "bearer_token_env_var", headers: "env_http_headers", env: "env_vars" },
    project: [".codex/config.toml"],
  },
  hosts: ["api.openai.com", "chatgpt.com", "auth.openai.com"],
};
