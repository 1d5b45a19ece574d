import type { Agent } from "../agent.ts";

export const opencode: Agent = {
  name: "opencode",
  command: "opencode",
  install: "`npm install -g opencode-ai` installs it",
  // Its flag is refused before a sub-command; the variable below works in any position.
  autonomy: { args: [] },
  continues: {
    words: ["--continue"],
    behind: ["run"],
    unless: [
      ...["--continue", "-c", "--session", "-s", "--help", "-h", "--version", "-v", "acp", "agent", "attach", "auth"],
      ...["debug", "export", "github", "import", "mcp", "models", "serve", "session", "stats", "upgrade", "web"],
    ],
  },
  subcommands: [],
  options: ["--agent", "--continue", "--model", "--prompt", "--session"],
  state: [
    {
      path: ".local/share/opencode",
      moved: { by: "XDG_DATA_HOME", below: "opencode" },
      credential: "auth.json",
      credentialFormat: "opencode",
      history: {
        ...{ kind: "database", file: "opencode.db" },
        conversations: { table: "session", id: "id", directory: "directory", time: "time_updated" },
        handOver: [
          "opencode keeps its conversations in one database; `cordon opencode session list` names them, " +
            "`cordon opencode export ID > FILE` writes one, and `opencode import FILE` outside takes it",
        ],
        // The same file holds accounts and credentials: only these come along.
        tables: {
          migration: "all",
          data_migration: "all",
          project: { column: "id", of: "project_id" },
          message: { column: "session_id", of: "id" },
          part: { column: "session_id", of: "id" },
          session_message: { column: "session_id", of: "id" },
          todo: { column: "session_id", of: "id" },
          event_sequence: { column: "aggregate_id", of: "id" },
          event: { column: "aggregate_id", of: "id" },
        },
      },
    },
    { path: ".local/state/opencode", moved: { by: "XDG_STATE_HOME", below: "opencode" } },
    {
      path: ".config/opencode",
      moved: { by: "XDG_CONFIG_HOME", below: "opencode" },
      settings: ["AGENTS.md", "tui.json"],
      open: { agents: 1, commands: 1, modes: 1, plugins: 1, skills: 1, themes: 1, tools: 1 },
      seeds: [
        { name: "opencode.json", kind: "settings" },
        { name: "opencode.jsonc", kind: "settings" },
      ],
    },
  ],
  env: { OPENCODE_PERMISSION: '{"*":"allow"}', OPENCODE_DISABLE_AUTOUPDATE: "1" },
  keys: [
    "ANTHROPIC_API_KEY",
    "OPENAI_API_KEY",
    "GEMINI_API_KEY",
    "GOOGLE_GENERATIVE_AI_API_KEY",
    "OPENROUTER_API_KEY",
    "GROQ_API_KEY",
    "OPENCODE_API_KEY",
    ...["MISTRAL_API_KEY", "DEEPSEEK_API_KEY", "XAI_API_KEY", "CEREBRAS_API_KEY", "AWS_BEARER_TOKEN_BEDROCK"],
  ],
  mints: ["POST auth.openai.com/oauth/token", "POST auth.openai.com/api/accounts/deviceauth/token"],
  signIn: {
    args: ["auth", "login"],
    adds: true,
    publish: [1455],
    hosts: ["auth.openai.com", "github.com", "api.github.com"],
    words: [
      ["auth", "login"],
      ["providers", "login"],
    ],
  },
  updates: ["upgrade"],
  pass: ["OPENCODE_CONFIG_CONTENT", "OPENCODE_DISABLE_*", "OPENCODE_MODEL"],
  baseUrls: [],
  baseUrlSettings: {
    state: ".config/opencode",
    file: "opencode.json",
    keys: ["baseURL"],
    variable: "OPENCODE_CONFIG_CONTENT",
  },
  mcp: {
    table: "mcp",
    env: "environment",
    reference: "env",
    project: ["opencode.json", "opencode.jsonc", ".opencode/opencode.json", ".opencode/opencode.jsonc"],
  },
  hosts: ["models.dev", "opencode.ai", "api.anthropic.com", "api.openai.com", "generativelanguage.googleapis.com"],
};
