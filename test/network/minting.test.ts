import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { logins, openStage } from "./agent-stage.ts";
import { createSecureLab, type SecureLab } from "./secure-lab.ts";

/** Where a fresh secret would be the answer nobody inside gets one (NT-23). */

setDefaultTimeout(120_000);

let lab: SecureLab;
afterEach(() => lab.close());

const places: Record<string, string[]> = {
  claude: [
    "platform.claude.com/v1/oauth/token",
    "platform.claude.com/v1/oauth/token/",
    "platform.claude.com/v1/oauth/%74oken",
    "platform.claude.com/v1/oauth/token;x",
    "api.anthropic.com/v1/oauth/token",
    "api.anthropic.com/api/oauth/claude_cli/create_api_key",
    // Read in Claude Code itself: the secret of a machine that is controlled from elsewhere, and of a session there.
    "api.anthropic.com/v1/environments/bridge",
    "api.anthropic.com/v1/code/sessions/s-1/bridge",
  ],
  codex: [
    "auth.openai.com/oauth/token",
    "auth.openai.com/OAuth/Token",
    "auth.openai.com/api/accounts/deviceauth/token",
  ],
  gemini: ["oauth2.googleapis.com/token"],
};
const renewable = logins.filter(({ kind }) => kind === "a login");

/** Asks each of the places from inside, in both versions of HTTP, in the place of the agent's own program. */
const ask = async (login: (typeof logins)[number], options: string[]) => {
  lab = createSecureLab(process.getuid?.());
  const stage = await openStage(lab, login, { turns: [] });
  lab.env["PATH"] = `${lab.at("home")}/.local/bin:${lab.env["PATH"]}`;
  const hosts = [...new Set(places[login.agent]!.map((place) => place.split("/")[0]!))];
  const shell = await lab.open([...options, ...hosts.flatMap((host) => ["--allow-host", host])], {
    agent: login.agent,
  });
  const scripts = places[login.agent]!.flatMap((place) =>
    ["--http1.1", "--http2"].map(
      (flag) =>
        `curl -sS -m 20 ${flag} --path-as-is -o /dev/null -w '%{http_code}\\n' -d grant_type=refresh_token 'https://${place}'`,
    ),
  );
  const { stdout } = await shell.ask(scripts.join("\n"));
  const asked = stage.arrivals.filter(({ method }) => method === "POST").map(({ host, target }) => `${host}${target}`);
  return { statuses: new Set(stdout.trim().split("\n")), asked };
};

test.each(renewable.map((login) => [login.agent, login] as const))("%s", async (_title, login) => {
  const { statuses, asked } = await ask(login, []);
  expect(asked).toEqual([]);
  expect([...statuses]).toEqual(["403"]);
});

test.each(renewable.map((login) => [login.agent, login] as const))("%s, shared: it is asked", async (_title, login) => {
  const { asked } = await ask(login, ["--credentials", "share"]);
  expect(new Set(asked)).toEqual(new Set(places[login.agent]!));
});
