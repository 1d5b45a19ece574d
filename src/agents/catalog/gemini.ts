import type { Agent } from "../agent.ts";

export const gemini: Agent = {
  name: "gemini",
  command: "gemini",
  install: "`npm install -g @google/gemini-cli` installs it",
  autonomy: { args: ["--yolo"], unless: ["--yolo", "-y", "--approval-mode"] },
  continues: {
    words: ["--resume", "latest"],
    unless: ["--resume", "-r", "--session-id", "--session-file", "--list-sessions", "--help", "-h", "--version", "-v"],
  },
  subcommands: ["extension", "extensions", "gemma", "hook", "hooks", "mcp", "skill", "skills"],
  options: ["--include-directories", "--model", "--prompt", "--resume", "--sandbox", "--session-id", "--session-file"],
  addDir: "--include-directories",
  state: [
    {
      path: ".gemini",
      moved: { by: "GEMINI_CLI_HOME", below: ".gemini" },
      settings: ["GEMINI.md", "hooks", "keybindings.json", "*.sh", "*.py"],
      open: { agents: 1, commands: 1, extensions: 1, policies: 1, skills: 1 },
      credential: "oauth_creds.json",
      credentialFormat: "gemini",
      history: {
        ...{ kind: "files", root: "tmp", by: "mark", resume: "gemini --list-sessions" },
        files: { in: "chats", like: /^session-\w[\w.-]*\.jsonl?$/ },
        // `/chat save`
        notes: { in: "", like: /^checkpoint-[\w%.-]+\.json$/ },
      },
      seeds: [
        {
          name: "settings.json",
          kind: "settings",
          value: { general: { enableAutoUpdate: false, enableAutoUpdateNotification: false } },
          // It asks for the kind of login even when a key is there.
          withKey: { key: "GEMINI_API_KEY", value: { security: { auth: { selectedType: "gemini-api-key" } } } },
          withLogin: { security: { auth: { selectedType: "oauth-personal" } } },
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
  mints: ["POST oauth2.googleapis.com/token"],
  // It has no word for signing in: whatever needs a login asks for it first.
  signIn: {
    args: ["--list-sessions"],
    env: { NO_BROWSER: "true" },
    hosts: ["www.googleapis.com"],
    words: [],
  },
  pass: ["GEMINI_MODEL", "GOOGLE_GENAI_*", "GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_LOCATION"],
  baseUrls: ["GOOGLE_GEMINI_BASE_URL", "GOOGLE_VERTEX_BASE_URL", "CODE_ASSIST_ENDPOINT"],
  programs: ["hooks.*.*.hooks.*.command"],
  mcp: {
    table: "mcpServers",
    urls: ["httpUrl", "url"],
    reference: "dollar",
    project: [".gemini/settings.json"],
  },
  hosts: [
    "generativelanguage.googleapis.com",
    "cloudcode-pa.googleapis.com",
    "oauth2.googleapis.com",
    "accounts.google.com",
  ],
};

const { signIn: _, ...family } = gemini;

/** A descendant of Gemini CLI with its own state and names. */
export const qwen: Agent = {
  ...family,
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
      seeds: [{ name: "settings.json", kind: "settings", value: { general: { enableAutoUpdate: false } } }],
    },
  ],
  env: {},
  mints: ["POST chat.qwen.ai/api/v1/oauth2/token"],
  keys: ["OPENAI_API_KEY", "DASHSCOPE_API_KEY", "BAILIAN_CODING_PLAN_API_KEY"],
  pass: ["OPENAI_MODEL"],
  baseUrls: ["OPENAI_BASE_URL", "DASHSCOPE_BASE_URL"],
  mcp: { ...gemini.mcp!, project: [".qwen/settings.json"] },
  hosts: ["portal.qwen.ai", "chat.qwen.ai", "dashscope.aliyuncs.com", "dashscope-intl.aliyuncs.com"],
};
