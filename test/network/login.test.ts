import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { findAgents } from "../agents/install.ts";
import { openOuterPty } from "../terminal/outer-pty.ts";
import { logins, openStage } from "./agent-stage.ts";
import { type Program, soon } from "./lab.ts";
import { credentialFiles, plantCredentials } from "./planted.ts";
import { createSecureLab, type SecureLab } from "./secure-lab.ts";
import { createOAuth, issuers, type OAuthServer } from "./servers/oauth.ts";
import { sendJson } from "./servers/secure.ts";

/** The sign-in of the real agents, in a sandbox, at servers that give out tokens as the real ones do. */

setDefaultTimeout(180_000);

const installed = await findAgents();

const node = path.dirname(Bun.which("node") ?? "/usr/bin/node");

let lab: SecureLab;
let oauth: OAuthServer;
beforeEach(() => {
  lab = createSecureLab(process.getuid?.());
  const bins = Object.values(installed ?? {}).map(({ bin }) => bin);
  lab.env["PATH"] = [...bins, node, lab.env["PATH"]].join(":");
});
afterEach(() => lab.close());

const state = () => path.join(lab.at("home"), ".local/state/cordon");
const keptFile = (agent: string) => path.join(state(), "credentials", `${agent}.json`);
const scratch = () =>
  fs.existsSync(path.join(state(), "scratch")) ? fs.readdirSync(path.join(state(), "scratch")) : [];

/** Everything that a sign-in may leave in the user's home. */
const left = (): string[] =>
  fs
    .readdirSync(lab.at("home"), { recursive: true, encoding: "utf8" })
    .filter((name) => fs.statSync(path.join(lab.at("home"), name)).isFile())
    .map((name) => name.replace(/^\.local\/state\/cordon\//, ""))
    .sort();

const urlOf = async (program: Program, pattern: RegExp): Promise<URL> => {
  const said = () => program.stdout() + program.stderr();
  await soon(() => pattern.test(said()), said);
  return new URL(pattern.exec(said())![0]);
};

const authorization = /https:\/\/\S+state=[\w-]+(?=\s)/;

/** Signs in to Claude Code as a person does who pastes the code. `alter` is what they get wrong. */
const signInToClaude = async (alter = (code: string) => code) => {
  const { program, input } = lab.begin(["login", "claude"]);
  const url = await urlOf(program, authorization);
  input.write(`${alter(oauth.approve(url.href))}#${url.searchParams.get("state")}\n`);
  return program.ended;
};

const serveClaude = async (): Promise<void> => {
  oauth = createOAuth(issuers.claude);
  await lab.serveTls("platform.claude.com", oauth.answer);
  await lab.serveTls(["api.anthropic.com", "claude.ai", "claude.com"], (request, response) => {
    request.resume();
    sendJson(response, {});
  });
};

describe.if(installed !== undefined)("claude", () => {
  test("signs in, and the next run works with what was kept, renewed in its place", async () => {
    const login = { ...logins.find(({ agent, kind }) => agent === "claude" && kind === "a login")!, plant: () => ({}) };
    const stage = await openStage(lab, login, { turns: [], final: "All done." });
    oauth = stage.oauth!;
    const done = await signInToClaude();
    expect(done).toMatchObject({ code: 0, stderr: "" });
    expect(done.stdout).toContain("signed in to claude: kept in ~/.local/state/cordon/credentials/claude.json\n");
    expect(oauth.seen).toMatchObject({ exchanges: 1, refreshes: 0 });
    expect(left()).toEqual(["audit.jsonl", "credentials/claude.json"]);
    expect(fs.statSync(keptFile("claude")).mode & 0o777).toBe(0o600);
    expect(fs.statSync(path.dirname(keptFile("claude"))).mode & 0o777).toBe(0o700);
    for (const secret of oauth.everything) expect(done.stdout).not.toContain(secret);

    // As it is hours later.
    const text = fs.readFileSync(keptFile("claude"), "utf8");
    fs.writeFileSync(keptFile("claude"), text.replace(/"expiresAt":\s*\d+/, `"expiresAt":${Date.now()}`));
    oauth.expire();
    const run = await lab.cordon(login.task);
    expect(run).toMatchObject({ code: 0, stdout: expect.stringContaining("All done.") });
    expect(oauth.seen.refreshes).toBe(1);
    const kept = JSON.parse(fs.readFileSync(keptFile("claude"), "utf8")).claudeAiOauth;
    expect(oauth.isRefreshGood(kept.refreshToken)).toBe(true);
    expect(oauth.isGood(`Bearer ${kept.accessToken}`)).toBe(true);
    expect(fs.existsSync(path.join(lab.at("home"), ".claude"))).toBe(false);
    expect(JSON.stringify(stage.arrivals)).not.toContain("placeholder");
  });

  test("a code that is not good leaves nothing", async () => {
    await serveClaude();
    const done = await signInToClaude(() => "made-up");
    expect(done.code).toBe(125);
    expect(done.stderr).toContain("error: nobody has signed in to claude: it ended with status 1\n");
    expect(left()).toEqual(["audit.jsonl"]);
    expect(scratch()).toEqual([]);
  });

  test("what is there already stays as it is and comes first, and that is said", async () => {
    await serveClaude();
    const [file] = plantCredentials(lab, { claude: oauth.login() });
    const before = fs.readFileSync(file!, "utf8");
    const done = await signInToClaude();
    expect(done).toMatchObject({
      code: 0,
      stderr: "cordon: ~/.claude/.credentials.json comes first as long as it is there\n",
    });
    expect(fs.readFileSync(file!, "utf8")).toBe(before);
  });

  test("after kill -9 nothing runs on, and `cordon clean` removes what was left", async () => {
    await serveClaude();
    const { program } = lab.begin(["login", "claude"]);
    await urlOf(program, authorization);
    expect(scratch().length).toBe(2);
    expect((await lab.cordon(["clean"])).stdout).toBe("nothing to remove\n");
    process.kill(program.pid, "SIGKILL");
    await program.ended;
    const shown = await lab.cordon(["clean", "--dry-run"]);
    expect(shown.stdout).toContain(`directory ${path.join(state(), "scratch")}/`);
    expect(scratch().length).toBe(2);
    await lab.cordon(["clean"]);
    expect(scratch()).toEqual([]);
    expect((await lab.cordon(["clean"])).stdout).toBe("nothing to remove\n");
  });

  test("inside a sandbox its own sign-in gets no token, and the person hears of the way", async () => {
    await serveClaude();
    plantCredentials(lab, { claude: oauth.login() });
    lab.env["PATH"] = `${lab.at("home")}/.local/bin:/usr/bin:/bin`;
    const { executable, readable } = installed!.claude;
    const shell = await lab.open(["--allow-readonly", readable[0]!], { agent: "claude" });
    const { stdout, stderr } = await shell.ask(`mkfifo code; ${executable} auth login <code >said 2>&1 & pid=$!
exec 5>code; until grep -q 'state=.*' said && grep -q Paste said; do sleep 0.1; done
echo "made-up#$(sed -n 's/.*state=//p' said)" >&5; wait $pid; echo "status $?"; cat said ~/.claude/.credentials.json`);
    expect(stdout).toStartWith("status 1\n");
    expect(stdout).toContain("Login failed: Request failed with status code 403");
    expect(stdout).toContain('"accessToken":"sk-ant-oat01-cordon-placeholder-claude');
    expect(stderr).toContain(
      "is denied by the rule POST platform.claude.com/v1/oauth/token of agent claude: sign in with",
    );
    expect(stderr).toContain("`cordon login claude`");
    expect(oauth.seen).toEqual({ refreshes: 0, exchanges: 0, refused: 0 });
    await shell.leave();
  });
});

describe.if(installed !== undefined)("codex", () => {
  const serve = async (): Promise<void> => {
    oauth = createOAuth(issuers.codex);
    await lab.serveTls("auth.openai.com", (request, response) => {
      if (!request.url?.includes("deviceauth")) return oauth.answer(request, response);
      request.resume();
      const code = {
        authorization_code: oauth.approve("https://auth.openai.com/"),
        code_challenge: "c",
        code_verifier: "v",
      };
      const start = { device_auth_id: "d-1", user_code: "ABCD-1234", interval: "1" };
      return sendJson(response, request.url.endsWith("usercode") ? start : code);
    });
  };

  test("the browser comes back to this machine's loopback", async () => {
    await serve();
    const { program } = lab.begin(["login", "codex"]);
    const url = await urlOf(program, /https:\/\/auth\.openai\.com\/oauth\S+(?=\s)/);
    const back = url.searchParams;
    const page = `${back.get("redirect_uri")}?code=${oauth.approve(url.href)}&state=${back.get("state")}`;
    expect((await fetch(page)).status).toBe(200);
    const done = await program.ended;
    expect(done).toMatchObject({ code: 0, stdout: expect.stringContaining("signed in to codex (pro): kept in ~/") });
    expect(left()).toEqual(["audit.jsonl", "credentials/codex.json"]);
    const { tokens } = JSON.parse(fs.readFileSync(keptFile("codex"), "utf8"));
    expect(oauth.isRefreshGood(tokens.refresh_token)).toBe(true);
  });

  test.each([
    ["over ssh", { SSH_CONNECTION: "192.0.2.1 50000 192.0.2.2 22" }, ["login", "codex"]],
    ["when it is asked for", {}, ["login", "codex", "--", "--device-auth"]],
  ])("%s it shows a code to type elsewhere", async (_title, env, words) => {
    await serve();
    Object.assign(lab.env, env);
    const done = await lab.cordon(words);
    expect(done).toMatchObject({ code: 0, stdout: expect.stringContaining("ABCD-1234") });
    expect(left()).toEqual(["audit.jsonl", "credentials/codex.json"]);
  });
});

/** A person's terminal, on which `cordon login AGENT` runs. */
const openLogin = (args: string[]) => {
  const [file, words] = lab.words(["login", ...args]);
  const variables = Object.entries(lab.env).map(([name, value]) => `${name}=${value}`);
  return openOuterPty(["env", "-i", "-C", lab.at("project"), ...variables, file, ...words]);
};

test.if(installed !== undefined)("gemini asks for its code on the terminal", async () => {
  oauth = createOAuth(issuers.gemini);
  await lab.serveTls("oauth2.googleapis.com", oauth.answer);
  await lab.serveTls(
    ["cloudcode-pa.googleapis.com", "www.googleapis.com", "play.googleapis.com"],
    (request, response) => {
      request.resume();
      sendJson(response, { email: "agnes@shop.test" });
    },
  );
  const terminal = openLogin(["gemini"]);
  try {
    await terminal.see(/Enter the authorization code: /);
    const url = /https:\/\/accounts\.google\.com\/\S+/.exec(terminal.output())![0];
    terminal.type(`${oauth.approve(url)}\r`);
    await terminal.see(/signed in to gemini: kept in ~\/\.local\/state\/cordon\/credentials\/gemini\.json/);
    expect(oauth.seen.exchanges).toBe(1);
    for (const secret of oauth.everything) expect(terminal.output()).not.toContain(secret);
  } finally {
    await terminal.close();
  }
  expect(fs.existsSync(path.join(lab.at("home"), credentialFiles.gemini))).toBe(false);
  expect(fs.statSync(keptFile("gemini")).mode & 0o777).toBe(0o600);
});

test.if(installed !== undefined)("opencode asks for the provider, and what is kept of others stays", async () => {
  oauth = createOAuth(issuers.codex);
  await lab.serveTls("auth.openai.com", oauth.answer);
  await lab.serveTls(["models.dev", "opencode.ai"], (request, response) => {
    request.resume();
    sendJson(response, {});
  });
  const other = { type: "api", key: "kept-before" };
  lab.write(keptFile("opencode"), JSON.stringify({ groq: other }), 0o600);
  const terminal = openLogin(["opencode", "--", "-p", "openai"]);
  try {
    await terminal.see(/ChatGPT Pro\/Plus \(headless\)/);
    terminal.type("\r");
    const [url] = await terminal.see(/https:\/\/auth\.openai\.com\/oauth\S+originator=opencode/);
    const back = new URL(url).searchParams;
    const page = `${back.get("redirect_uri")}?code=${oauth.approve(url)}&state=${back.get("state")}`;
    expect((await fetch(page)).status).toBe(200);
    await terminal.see(/signed in to opencode: kept in ~/);
  } finally {
    await terminal.close();
  }
  const kept = JSON.parse(fs.readFileSync(keptFile("opencode"), "utf8"));
  expect(kept.groq).toEqual(other);
  expect(oauth.isRefreshGood(kept.openai.refresh)).toBe(true);
});
