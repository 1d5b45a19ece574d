import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import type { Exchange } from "../../src/credentials/oauth.ts";
import { readAnswer } from "../../src/credentials/oauth.ts";

/** A throw-away home directory. */
export const makeHome = (): { home: string; remove(): void; write(name: string, text: string): string } => {
  const home = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "cordon-credentials-")));
  return {
    home,
    remove: () => fs.rmSync(home, { recursive: true, force: true }),
    write: (name, text) => {
      const file = path.join(home, name);
      fs.mkdirSync(path.dirname(file), { recursive: true });
      fs.writeFileSync(file, text, { mode: 0o600 });
      return file;
    },
  };
};

/** A token endpoint that takes each refresh token once, as the real ones do. `answer` puts something else in its place. */
export const startIssuer = (first: string, lifeSeconds = 28_800) => {
  const state = { good: first, count: 0, bodies: [] as string[], answer: undefined as (() => Response) | undefined };
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      const body = await request.text();
      state.bodies.push(body);
      if (state.answer) return state.answer();
      if (!body.includes(state.good)) return Response.json({ error: "invalid_grant" }, { status: 400 });
      state.count += 1;
      state.good = `refresh-${state.count}`;
      return Response.json({
        access_token: `access-${state.count}`,
        refresh_token: state.good,
        expires_in: lifeSeconds,
        scope: "user:inference",
      });
    },
  });
  const url = `http://127.0.0.1:${server.port}/token`;
  return { state, url, stop: () => server.stop(true) };
};

/** Speaks to a scripted endpoint in place of the real one. */
export const exchangeWith =
  (url: string): Exchange =>
  async ({ headers, body }) => {
    try {
      const response = await fetch(url, { method: "POST", headers, body });
      return readAnswer(response.status, await response.text());
    } catch {
      return { ok: false, isFinal: false, reason: "the server cannot be reached" };
    }
  };

/** The text of Claude Code's file. */
export const claudeText = (access: string, refresh: string | null, expiresAtMs: number): string =>
  JSON.stringify({
    claudeAiOauth: {
      accessToken: access,
      refreshToken: refresh,
      expiresAt: expiresAtMs,
      scopes: ["user:inference"],
      subscriptionType: "max",
    },
  });

export const claudeTokens = (file: string): { accessToken: string; refreshToken: string; expiresAt: number } =>
  JSON.parse(fs.readFileSync(file, "utf8")).claudeAiOauth;
