import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { openOuterPty } from "../../terminal/outer-pty.ts";
import { createStage, type Stage, tokens } from "./stage.ts";

setDefaultTimeout(90_000);

let stage: Stage;
beforeEach(() => {
  stage = createStage();
});
afterEach(() => stage.close());

const place = ".local/state/cordon/credentials";

describe("--with-token", () => {
  test.each([
    ["claude", tokens.claude, [], "CLAUDE_CODE_OAUTH_TOKEN"],
    ["claude", tokens.key, [], "ANTHROPIC_API_KEY"],
    ["claude", tokens.claude, ["--as", "ANTHROPIC_AUTH_TOKEN"], "ANTHROPIC_AUTH_TOKEN"],
    ["codex", "sk-proj-abcdef", [], "CODEX_API_KEY"],
    ["gemini", "AIzaabcdef", [], "GEMINI_API_KEY"],
    ["opencode", "sk-or-v1-abcdef", [], "OPENROUTER_API_KEY"],
    ["opencode", "anything", ["--as", "MISTRAL_API_KEY"], "MISTRAL_API_KEY"],
  ])("%s %s %j belongs in %s", (agent, token, options, variable) => {
    const done = stage.cordon(["login", agent, "--with-token", ...options], { input: `${token}\n` });
    const file = `${place}/${agent}.token.json`;
    expect(done).toEqual({ code: 0, stdout: `${variable} of ${agent}: kept in ~/${file}\n`, stderr: "" });
    expect(JSON.parse(stage.read(file))).toEqual({ variable, value: token });
    expect([stage.modeOf(file), stage.modeOf(place)]).toEqual([0o600, 0o700]);
    expect(stage.list(place)).toEqual([`${agent}.token.json`]);
  });

  test.each([
    ["claude", "", [], "there is nothing"],
    ["claude", `${tokens.claude}\n${tokens.key}`, [], "several lines"],
    ["claude", "\u001b[2Jtoken", [], "unusual characters"],
    ["claude", "x".repeat(20_000), [], "longer than 16 KiB"],
    ["claude", "who-knows", [], "does not tell whose it is"],
    ["opencode", "sk-abcdef", [], "does not tell whose it is"],
    ["claude", tokens.claude, ["--as", "PATH"], "takes none in the variable PATH"],
  ])("%s: %#, and nothing of it is shown or kept", (agent, input, options, problem) => {
    const done = stage.cordon(["login", agent, "--with-token", ...options], { input });
    expect(done).toMatchObject({ code: 125, stdout: "" });
    expect(done.stderr).toContain(problem);
    if (input !== "") expect(done.stderr).not.toContain(input.slice(0, 12));
    expect(stage.list(place)).toEqual([]);
  });

  test("a newer one takes the place of the older, and the login of before", () => {
    stage.write(`${place}/claude.json`, "{}");
    stage.cordon(["login", "claude", "--with-token"], { input: tokens.claude });
    stage.cordon(["login", "claude", "--with-token"], { input: tokens.key });
    expect(stage.list(place)).toEqual(["claude.token.json"]);
    expect(stage.read(`${place}/claude.token.json`)).toContain(tokens.key);
  });

  test("what the environment holds comes first, and that is said", () => {
    const env = { ANTHROPIC_API_KEY: tokens.key };
    const done = stage.cordon(["login", "claude", "--with-token"], { env, input: tokens.claude });
    expect(done.stderr).toBe("cordon: the variable ANTHROPIC_API_KEY comes first as long as it is there\n");
  });

  test("not from a terminal, on which it would be seen", async () => {
    const [file, words] = stage.lab.words(["login", "claude", "--with-token"]);
    const variables = Object.entries(stage.lab.env).map(([name, value]) => `${name}=${value}`);
    const terminal = openOuterPty(["env", "-i", ...variables, file, ...words]);
    try {
      await terminal.see(/reads from a pipe or a file/);
    } finally {
      await terminal.close();
    }
  });

  test("is the run's own: a placeholder inside, and nothing in the plan", () => {
    stage.cordon(["login", "claude", "--with-token"], { input: tokens.claude });
    stage.write(".local/bin/claude", '#!/bin/sh\necho "$CLAUDE_CODE_OAUTH_TOKEN"\n', 0o755);
    const env = { PATH: `${stage.at(".local/bin")}:/usr/bin:/bin` };
    const done = stage.cordon(["claude"], { env });
    expect(done).toMatchObject({ code: 0, stdout: expect.stringMatching(/^sk-ant-oat01-cordon-placeholder-\S+\n$/) });
    const plan = stage.cordon(["--dry-run", "claude"], { env });
    expect(plan.stdout).toContain("cordon-placeholder");
    expect(plan.stdout).not.toContain("s3cret");
  });
});

describe("the agent's own sign-in", () => {
  const env = () => ({ PATH: `${stage.at(".local/bin")}:/usr/bin:/bin` });
  const plant = (script: string) => stage.write(".local/bin/claude", `#!/bin/sh\n${script}\n`, 0o755);

  test("sees an empty project, an empty state and no credential, and nothing of it stays but the login", () => {
    stage.plantClaude();
    plant(`echo "words $*"; echo "key <$ANTHROPIC_API_KEY>"; ls -A; ls -A ~/.claude; ls -A ..
printf '{"claudeAiOauth":{"accessToken":"fresh","refreshToken":"r","scopes":[],"subscriptionType":"pro"}}' > ~/.claude/.credentials.json`);
    const done = stage.cordon(["login", "claude"], { env: { ...env(), ANTHROPIC_API_KEY: tokens.key } });
    expect(done.code).toBe(0);
    expect(done.stdout.split("\n")).toEqual([
      ...["words auth login", "key <>", ".claude.json", "settings.json", "work"],
      ...["signed in to claude (pro): kept in ~/.local/state/cordon/credentials/claude.json", ""],
    ]);
    expect(stage.read(`${place}/claude.json`)).toContain('"accessToken":"fresh"');
    expect(stage.list(".local/state/cordon/scratch")).toEqual([]);
    expect(stage.read(".claude/.credentials.json")).toContain(tokens.claude);
    expect(spawnSync("ls", ["-A", stage.lab.at("project")]).stdout.toString()).toBe("");
  });

  test.each([
    ["a link to another file", "ln -s /etc/hostname ~/.claude/.credentials.json", "it has left no login"],
    ["a FIFO", "mkfifo ~/.claude/.credentials.json", "it has left no login"],
    ["no JSON", "echo nonsense > ~/.claude/.credentials.json", "it has left no login"],
    ["nothing, and a status", "exit 3", "it ended with status 3"],
  ])("%s is no login", (_title, script, problem) => {
    plant(script);
    const done = stage.cordon(["login", "claude"], { env: env() });
    expect(done).toMatchObject({ code: 125, stdout: "", stderr: expect.stringContaining(problem) });
    expect(stage.list(place)).toEqual([]);
    expect(stage.list(".local/state/cordon/scratch")).toEqual([]);
  });

  test("a dry run starts and keeps nothing", () => {
    plant("touch ~/.claude/ran");
    const done = stage.cordon(["login", "claude", "--dry-run"], { env: env() });
    expect(JSON.parse(done.stdout)).toMatchObject({ backend: "native" });
    expect(stage.list(".local/state/cordon/scratch")).toEqual([]);
  });

  test.each([
    [["login", "copilot"], "cordon cannot sign in to copilot"],
    [["login", "nobody"], "there is no agent `nobody`"],
  ])("%j is refused", (words, problem) => {
    expect(stage.cordon(words)).toMatchObject({ code: 125, stderr: expect.stringContaining(problem) });
  });
});
