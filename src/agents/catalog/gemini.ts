import type { Agent } from "../agent.ts";

export const gemini: Agent = {
  name: "gemini",
  command: "gemini",
  install: "`npm install -g @google/gemini-cli` installs it",
  autonomy: { args: ["--yolo"], unless: ["--yolo", "-y", "--approval-mode"] },
  subcommands: ["extension", "extensions", "gemma", "hook", "hooks", "mcp", "skill", "skills"],
  options: ["--include-directories", "--model", "--prompt", "--resume", "--sandbox", "--session-id", "--session-file"],
  addDir: "--include-directories",
  state: [
    {
      path: ".gemini",
      moved: { by: "GEMINI_CLI_HOME", below: ".gemini" },
      settings: ["GEMINI.md", "agents", "commands", "extensions", "keybindings.json", "policies", "skills"],
      credential: "oauth_creds.json",
      seeds: [
        {
          name: "settings.json",
          kind: "json",
          value: { general: { enableAutoUpdate: false, enableAutoUpdateNotification: false } },
          // It asks for the kind of login even when a key is there.
          withKey: { key: "GEMINI_API_KEY", value: { security: { auth: { selectedType: "gemini-api-key" } } } },
        },
      ],
    },
  ],
  env: {
    // An untrusted folder silently switches full autonomy off.
    GEMINI_CLI_TRUST_WORKSPACE: "true",
    GEMINI_SANDBOX: "false",
    GEMINI_CLI_NO_RELAUNCH: "true",
  },
  keys: ["GEMINI_API_KEY", "GOOGLE_API_KEY"],
  pass: ["GEMINI_MODEL", "GOOGLE_GENAI_*", "GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_LOCATION"],
  baseUrls: ["GOOGLE_GEMINI_BASE_URL", "GOOGLE_VERTEX_BASE_URL", "CODE_ASSIST_ENDPOINT"],
  hosts: [
    "generativelanguage.googleapis.com",
    "cloudcode-pa.googleapis.com",
    "oauth2.googleapis.com",
    "accounts.google.com",
  ],
};

/** A descendant of Gemini CLI with its own state and names. */
export const qwen: Agent = {
  ...gemini,
  name: "qwen",
  command: "qwen",
  install: "`npm install -g @qwen-code/qwen-code` installs it",
  subcommands: ["auth", "channel", "extensions", "hooks", "mcp", "skills"],
  state: [
    {
      path: ".qwen",
      moved: { by: "QWEN_HOME" },
      settings: ["QWEN.md", "agents", "commands", "extensions", "skills"],
      credential: "oauth_creds.json",
      seeds: [{ name: "settings.json", kind: "json", value: { general: { enableAutoUpdate: false } } }],
    },
  ],
  env: {},
  keys: ["OPENAI_API_KEY", "DASHSCOPE_API_KEY", "BAILIAN_CODING_PLAN_API_KEY"],
  pass: ["OPENAI_MODEL"],
  baseUrls: ["OPENAI_BASE_URL", "DASHSCOPE_BASE_URL"],
  hosts: ["portal.qwen.ai", "chat.qwen.ai", "dashscope.aliyuncs.com", "dashscope-intl.aliyuncs.com"],
};
