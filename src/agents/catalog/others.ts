import type { Agent } from "../agent.ts";

/** Agents whose entries follow their public documentation; the test suite does not run them. */

const providerKeys = ["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY", "OPENROUTER_API_KEY"];
const providerHosts = ["api.anthropic.com", "api.openai.com", "generativelanguage.googleapis.com", "openrouter.ai"];

export const copilot: Agent = {
  name: "copilot",
  command: "copilot",
  install: "`npm install -g @github/copilot` installs it",
  autonomy: { args: ["--allow-all"], unless: ["--allow-all", "--yolo", "--allow-all-tools"] },
  subcommands: [
    "app",
    "completion",
    "config",
    "help",
    "init",
    "login",
    "mcp",
    "plugin",
    "plugins",
    "update",
    "version",
  ],
  options: ["--add-dir", "--continue", "--model", "--prompt", "--resume"],
  addDir: "--add-dir",
  state: [
    {
      path: ".copilot",
      moved: { by: "COPILOT_HOME" },
      settings: ["agents", "copilot-instructions.md", "hooks", "instructions", "settings.json", "skills"],
      credential: "config.json",
      seeds: [{ name: "mcp-config.json", kind: "settings" }],
    },
  ],
  env: { COPILOT_AUTO_UPDATE: "false" },
  keys: ["COPILOT_GITHUB_TOKEN", "GH_TOKEN", "GITHUB_TOKEN"],
  updates: ["update"],
  pass: ["COPILOT_MODEL"],
  baseUrls: [],
  mcp: { table: "mcpServers", reference: "dollar", project: [".mcp.json"] },
  hosts: ["api.github.com", "github.com", "*.githubcopilot.com", "copilot-proxy.githubusercontent.com"],
};

export const cursor: Agent = {
  name: "cursor",
  command: "cursor-agent",
  install: "see the Cursor CLI's installation page",
  autonomy: { args: ["--force", "--sandbox", "disabled"], unless: ["--force", "-f", "--yolo"] },
  subcommands: ["about", "create-chat", "help", "login", "logout", "ls", "mcp", "models", "status", "update", "whoami"],
  options: ["--continue", "--model", "--print", "--resume", "--workspace", "--worktree"],
  state: [
    {
      path: ".cursor",
      moved: { by: "CURSOR_CONFIG_DIR" },
      settings: ["agents", "commands", "rules", "skills"],
      seeds: [
        { name: "cli-config.json", kind: "settings" },
        { name: "mcp.json", kind: "settings" },
      ],
    },
    { path: ".config/cursor", credential: "auth.json" },
  ],
  env: {},
  keys: ["CURSOR_API_KEY", "CURSOR_AUTH_TOKEN"],
  updates: ["update"],
  pass: [],
  baseUrls: [],
  mcp: { table: "mcpServers", reference: "bracesEnv", project: [".cursor/mcp.json"] },
  hosts: ["*.cursor.sh", "*.cursorapi.com", "cursor.com"],
};

export const droid: Agent = {
  name: "droid",
  command: "droid",
  install: "see Factory's installation page",
  autonomy: { args: ["--skip-permissions-unsafe"], behind: ["exec"], unless: ["--skip-permissions-unsafe", "--auto"] },
  subcommands: ["computer", "help", "login", "mcp", "plugin", "update"],
  options: ["--cwd", "--model", "--resume", "--session-id"],
  state: [
    {
      path: ".factory",
      settings: ["AGENTS.md", "commands", "droids", "hooks", "skills"],
      credential: "auth.json",
      seeds: [
        { name: "settings.json", kind: "settings" },
        { name: "mcp.json", kind: "settings" },
      ],
    },
  ],
  env: { FACTORY_DROID_AUTO_UPDATE_ENABLED: "false" },
  keys: ["FACTORY_API_KEY"],
  updates: ["update"],
  pass: [],
  baseUrls: [],
  mcp: { table: "mcpServers", reference: "braces", project: [".factory/mcp.json"] },
  hosts: ["api.factory.ai", "app.factory.ai"],
};

export const pi: Agent = {
  name: "pi",
  command: "pi",
  install: "see the installation page of pi's coding agent",
  // It never asks.
  autonomy: { args: [] },
  subcommands: [],
  options: ["--continue", "--model", "--print", "--session"],
  state: [
    {
      path: ".pi/agent",
      moved: { by: "PI_CODING_AGENT_DIR" },
      settings: ["AGENTS.md", "SYSTEM.md", "extensions", "keybindings.json", "prompts", "skills", "themes"],
      credential: "auth.json",
      seeds: [
        { name: "settings.json", kind: "settings" },
        { name: "models.json", kind: "settings" },
      ],
    },
  ],
  env: { PI_SKIP_VERSION_CHECK: "1" },
  keys: providerKeys,
  pass: [],
  baseUrls: [],
  baseUrlSettings: { state: ".pi/agent", file: "models.json", keys: ["baseUrl"] },
  hosts: providerHosts,
};

export const amp: Agent = {
  name: "amp",
  command: "amp",
  install: "`npm install -g @sourcegraph/amp` installs it",
  autonomy: { args: ["--dangerously-allow-all"], unless: ["--dangerously-allow-all"] },
  subcommands: [
    "account",
    "completions",
    "doctor",
    "login",
    "logout",
    "mcp",
    "permissions",
    "plugins",
    "skills",
    "tools",
    "update",
    "usage",
    "version",
  ],
  options: ["--execute", "--mode"],
  state: [
    {
      path: ".config/amp",
      moved: { by: "XDG_CONFIG_HOME", below: "amp" },
      settings: ["AGENTS.md", "commands", "plugins", "skills"],
      seeds: [{ name: "settings.json", kind: "settings" }],
    },
    { path: ".local/share/amp", moved: { by: "XDG_DATA_HOME", below: "amp" }, credential: "secrets.json" },
  ],
  env: { AMP_SKIP_UPDATE_CHECK: "1" },
  keys: ["AMP_API_KEY"],
  updates: ["update"],
  pass: [],
  baseUrls: ["AMP_URL"],
  mcp: { table: "amp.mcpServers", reference: "braces", project: [".amp/settings.json"] },
  hosts: ["ampcode.com"],
};

export const goose: Agent = {
  name: "goose",
  command: "goose",
  install: "see goose's installation page",
  autonomy: { args: [] },
  subcommands: [],
  options: ["--name", "--resume"],
  state: [
    {
      path: ".config/goose",
      moved: { by: "XDG_CONFIG_HOME", below: "goose" },
      settings: [".goosehints", "prompts", "recipes"],
      credential: "secrets.yaml",
      seeds: [{ name: "config.yaml", kind: "copy" }],
    },
    { path: ".local/share/goose", moved: { by: "XDG_DATA_HOME", below: "goose" } },
    { path: ".local/state/goose", moved: { by: "XDG_STATE_HOME", below: "goose" } },
  ],
  // There is no keyring inside.
  env: { GOOSE_MODE: "auto", GOOSE_DISABLE_KEYRING: "1" },
  keys: providerKeys,
  pass: ["GOOSE_MODEL", "GOOSE_PROVIDER"],
  baseUrls: ["OPENAI_HOST", "ANTHROPIC_HOST", "OLLAMA_HOST"],
  hosts: providerHosts,
};

export const aider: Agent = {
  name: "aider",
  command: "aider",
  install: "see aider's installation page",
  autonomy: { args: ["--yes-always"], unless: ["--yes-always", "--yes"] },
  subcommands: [],
  options: ["--file", "--message", "--model", "--read"],
  state: [{ path: ".aider" }],
  env: { AIDER_CHECK_UPDATE: "false" },
  keys: providerKeys,
  pass: ["AIDER_*"],
  baseUrls: ["OPENAI_API_BASE", "ANTHROPIC_API_BASE", "OLLAMA_API_BASE", "AIDER_OPENAI_API_BASE"],
  hosts: providerHosts,
};
