import type { Agent } from "../agent.ts";

export const opencode: Agent = {
  name: "opencode",
  command: "opencode",
  install: "`npm install -g opencode-ai` installs it",
  // Its flag is refused before a sub-command; the variable below works in any position.
  autonomy: { args: [] },
  subcommands: [],
  options: ["--agent", "--continue", "--model", "--prompt", "--session"],
  state: [
    {
      path: ".local/share/opencode",
      moved: { by: "XDG_DATA_HOME", below: "opencode" },
      credential: "auth.json",
      credentialFormat: "opencode",
    },
    { path: ".local/state/opencode", moved: { by: "XDG_STATE_HOME", below: "opencode" } },
    {
      path: ".config/opencode",
      moved: { by: "XDG_CONFIG_HOME", below: "opencode" },
      settings: ["AGENTS.md", "agents", "commands", "modes", "plugins", "skills", "themes", "tools", "tui.json"],
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
