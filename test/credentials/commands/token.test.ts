import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { openOuterPty } from "../../terminal/outer-pty.ts";
import { createStage, hourMs, type Stage, tokens } from "./stage.ts";

setDefaultTimeout(60_000);

let stage: Stage;
beforeEach(() => {
  stage = createStage();
});
afterEach(() => stage.close());

test("show says where each one is from, what it is good for and until when, and no secret", () => {
  stage.plantClaude();
  const env = { ANTHROPIC_API_KEY: tokens.key, GEMINI_API_KEY: "AIzashort" };
  const done = stage.cordon(["token"], { env });
  expect(done).toMatchObject({ code: 0, stderr: "" });
  const [first, ...rest] = done.stdout.split("\n");
  expect(first).toBe("claude  key in the variable ANTHROPIC_API_KEY");
  expect(rest.join("\n")).toContain("claude  login in ~/.claude/.credentials.json  (second choice)\n");
  expect(done.stdout).toContain("  plan     max\n  scopes   user:inference\n");
  expect(done.stdout).toMatch(/ {2}expires {2}\d{4}-\d\d-\d\d \d\d:\d\d UTC, in (8h 0m|7h 59m); cordon renews it\n/);
  expect(done.stdout).toContain("  value    sk-ant-oat01-…endA\n");
  expect(done.stdout).toContain("gemini  key in the variable GEMINI_API_KEY\n  expires  not known\n  value    …\n");
  expect(done.stdout).not.toMatch(/s3cret|short/);
});

test("an expired one, and one that cordon cannot read", () => {
  stage.plantClaude(tokens.claude, Date.now() - hourMs);
  stage.write(".copilot/config.json", '{"token":"s3cret"}');
  const done = stage.cordon(["token", "show"]);
  expect(done.stdout).toContain("UTC: expired; cordon renews it\n");
  expect(done.stdout).toContain("copilot  login in ~/.copilot/config.json\n  note     cordon cannot read it");
  expect(done.stdout).not.toContain("s3cret");
});

test("of one agent without any: status 1 and the way on", () => {
  const done = stage.cordon(["token", "show", "claude"]);
  expect(done).toEqual({ code: 1, stdout: "no credential of claude: `cordon login claude` signs in\n", stderr: "" });
  expect(stage.cordon(["token", "claude"])).toEqual(done);
  expect(stage.cordon(["token", "nobody"]).stderr).toContain("there is no agent `nobody`");
  expect(stage.cordon(["token", "shows", "claude"]).stderr).toContain("cannot `shows`");
});

test("json has the same facts, and the values only with --secret", () => {
  stage.plantClaude();
  const [found] = JSON.parse(stage.cordon(["token", "json", "claude"]).stdout);
  expect(found).toMatchObject({
    agent: "claude",
    kind: "login",
    plan: "max",
    renewable: true,
    masked: "sk-ant-oat01-…endA",
  });
  expect(Date.parse(found.expiresAt)).toBeGreaterThan(Date.now());
  expect(JSON.stringify(found)).not.toContain("s3cret");
  const [told] = JSON.parse(stage.cordon(["token", "json", "claude", "--secret"]).stdout);
  expect([told.value, told.refresh]).toEqual([tokens.claude, tokens.refresh]);
});

test("export is a line that a shell takes, whatever is in the value", () => {
  stage.cordon(["login", "claude", "--with-token", "--as", "ANTHROPIC_API_KEY"], { input: "a'b$(id)\"c" });
  const { code, stdout } = stage.cordon(["token", "export", "claude"]);
  expect(code).toBe(0);
  const script = `${stdout}printf %s "$ANTHROPIC_API_KEY"`;
  expect(spawnSync("sh", ["-c", script]).stdout.toString()).toBe("a'b$(id)\"c");
});

test("export of a login is its token of now; what no variable takes is refused", () => {
  stage.plantClaude();
  expect(stage.cordon(["token", "export"]).stdout).toBe(`export CLAUDE_CODE_OAUTH_TOKEN='${tokens.claude}'\n`);
  stage.write(
    ".gemini/oauth_creds.json",
    '{"access_token":"ya29.s3cret","refresh_token":"r","expiry_date":4102444800000}',
  );
  const done = stage.cordon(["token", "export", "gemini"]);
  expect(done).toMatchObject({ code: 125, stdout: "", stderr: expect.stringContaining("can stand in a variable") });
  expect(stage.cordon(["token", "export", "codex"])).toMatchObject({ code: 125, stdout: "" });
});

test("a terminal shows no secret unless that is asked for", async () => {
  stage.plantClaude();
  const variables = Object.entries(stage.lab.env).map(([name, value]) => `${name}=${value}`);
  const look = async (args: string[], expected: RegExp): Promise<string> => {
    const [file, words] = stage.lab.words(args);
    const terminal = openOuterPty(["env", "-i", "-C", stage.lab.at("project"), ...variables, file, ...words]);
    try {
      await terminal.see(expected);
      return terminal.output();
    } finally {
      await terminal.close();
    }
  };
  expect(await look(["token", "export"], /would show a secret/)).not.toContain("s3cret");
  expect(await look(["token", "json", "--secret"], /would show a secret/)).not.toContain("s3cret");
  expect(await look(["token", "export", "--yes"], /endA'/)).toContain(tokens.claude.slice(0, 30));
});

test.each(["token", "login", "creds"])("%s inside a sandbox", (verb) => {
  const words = verb === "creds" ? ["creds", "backup"] : [verb];
  const done = stage.cordon(words, { env: { CORDON_SANDBOX: "1" } });
  expect(done).toMatchObject({ code: 125, stdout: "", stderr: expect.stringContaining("already the inside") });
});
