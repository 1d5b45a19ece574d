import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { findAgents } from "../agents/install.ts";
import type { Turn } from "../models/script.ts";
import { type Login, logins, openStage, type Stage } from "./agent-stage.ts";
import { soon } from "./lab.ts";
import { credentialFiles, plantCredentials } from "./planted.ts";
import { prepareSearch } from "./search.ts";
import { createSecureLab, type SecureLab } from "./secure-lab.ts";

/** Tokens are renewed on the host, once, in time, and where the user's own client finds them again. */

setDefaultTimeout(180_000);

const installed = await findAgents();

let lab: SecureLab;
afterEach(() => lab.close());

const places = [path.dirname(Bun.which("node") ?? "/usr/bin/node"), "/usr/local/bin", "/usr/bin", "/bin"];
const renewable = logins.filter(({ kind }) => kind === "a login");
const claude = renewable.find(({ agent }) => agent === "claude")!;
const minuteMs = 60_000;

type Prepared = { stage: Stage; oauth: NonNullable<Stage["oauth"]>; search: ReturnType<typeof prepareSearch> };

const prepare = async (login: Login, lifeMs: number, turns: (search: string) => Turn[]): Promise<Prepared> => {
  lab = createSecureLab(process.getuid?.());
  let stage: Stage | undefined;
  const search = prepareSearch(lab, () => stage?.secrets() ?? ["nothing yet"]);
  stage = await openStage(lab, login, { turns: turns(search.command), final: "All done." }, lifeMs);
  Object.assign(lab.env, stage.env, { PATH: [installed![login.agent].bin, ...places].join(":") });
  search.refresh();
  return { stage, oauth: stage.oauth!, search };
};

const fileOf = ({ agent }: Login): string => path.join(lab.at("home"), credentialFiles[agent]);
const at = (name: string): string => path.join(lab.at("project"), name);
/** The agent says that it is there, and goes on when it is told to. */
const pause = (name: string): Turn => ({ shell: `touch ${name}; until test -e ${name}-over; do sleep 0.05; done` });
const arrive = (name: string): Promise<void> => soon(() => fs.existsSync(at(name)), undefined, 60_000);
const goOn = (name: string): void => void lab.write(at(`${name}-over`), "");

/** The user's own client, outside of any sandbox, in the same home. */
const runPlain = async (login: Login) => {
  const [name, ...words] = login.task;
  const program = path.join(installed![login.agent].bin, name!);
  const child = Bun.spawn([program, ...words], {
    cwd: lab.at("project"),
    env: { ...lab.env, DISABLE_AUTOUPDATER: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr] = await Promise.all([child.stdout, child.stderr].map((stream) => new Response(stream).text()));
  return { code: await child.exited, stdout: stdout!, stderr: stderr! };
};

describe.if(installed !== undefined)("a token that is about to expire", () => {
  test.each(renewable.map((login) => [login.agent, login] as const))("%s", async (_title, login) => {
    const { stage, oauth, search } = await prepare(login, minuteMs, (command) => [
      pause("first"),
      { shell: command },
      { shell: "echo done | tee out.txt" },
    ]);
    const [oldAccess, oldRefresh] = oauth.everything as [string, string];
    const running = lab.cordon(login.task);
    await arrive("first");
    search.refresh();
    goOn("first");
    const done = await running;
    expect(done).toMatchObject({ code: 0, stdout: expect.stringContaining("All done.") });
    expect(oauth.seen).toEqual({ refreshes: 1, exchanges: 0, refused: 0 });
    const { hits, memories } = search.findings();
    expect({ hits, memories }).toEqual({ hits: [], memories: expect.any(Number) });
    expect(oauth.everything.length).toBe(4);
    // The server saw only the new one, and the home holds it for the user's own client.
    expect(JSON.stringify(stage.arrivals)).not.toContain(oldAccess);
    const kept = fs.readFileSync(fileOf(login), "utf8");
    expect(kept).toContain(oauth.everything[2]!);
    expect(kept.includes(oldRefresh)).toBe(!oauth.issuer.rotates);
    expect(fs.statSync(fileOf(login)).mode & 0o777).toBe(0o600);
    expect(done.stdout + done.stderr).not.toContain(oauth.everything[2]!);
  });
});

describe.if(installed !== undefined)("Claude Code", () => {
  test("a token that the server takes back in the middle of a task", async () => {
    const { oauth, search } = await prepare(claude, 8 * 60 * minuteMs, (command) => [
      pause("first"),
      { shell: "echo after | tee out.txt" },
      pause("second"),
      { shell: command },
    ]);
    const running = lab.cordon(claude.task);
    await arrive("first");
    oauth.expire();
    goOn("first");
    await arrive("second");
    search.refresh();
    goOn("second");
    expect(await running).toMatchObject({ code: 0, stdout: expect.stringContaining("All done.") });
    expect(fs.readFileSync(at("out.txt"), "utf8")).toBe("after\n");
    expect(oauth.seen).toEqual({ refreshes: 1, exchanges: 0, refused: 0 });
    expect(search.findings().hits).toEqual([]);
    expect(fs.readFileSync(fileOf(claude), "utf8")).toContain(oauth.everything[2]!);
  });

  test("two runs at once renew once", async () => {
    const { oauth } = await prepare(claude, minuteMs, () => []);
    const runs = await Promise.all([lab.cordon(claude.task), lab.cordon(claude.task), lab.cordon(claude.task)]);
    for (const run of runs) expect(run).toMatchObject({ code: 0, stdout: expect.stringContaining("All done.") });
    expect(oauth.seen).toEqual({ refreshes: 1, exchanges: 0, refused: 0 });
  });

  test("the user's own client is still logged in afterwards, and cordon after it", async () => {
    const { oauth } = await prepare(claude, minuteMs, () => []);
    expect(await lab.cordon(claude.task)).toMatchObject({ code: 0 });
    const outside = await runPlain(claude);
    expect(outside).toMatchObject({ code: 0, stdout: expect.stringContaining("All done.") });
    expect(oauth.seen).toEqual({ refreshes: 1, exchanges: 0, refused: 0 });
    // Now it is the plain client that renews, while a sandbox runs that has read the file before.
    plantCredentials(lab, { claude: oauth.login(minuteMs) });
    oauth.seen.refreshes = 0;
    const [inside, plain] = await Promise.all([lab.cordon(claude.task), runPlain(claude)]);
    expect(inside).toMatchObject({ code: 0, stdout: expect.stringContaining("All done.") });
    expect(plain).toMatchObject({ code: 0, stdout: expect.stringContaining("All done.") });
    expect(oauth.seen).toEqual({ refreshes: 1, exchanges: 0, refused: 0 });
  });

  test("a token that expired long ago is renewed before the start", async () => {
    const { oauth } = await prepare(claude, -24 * 60 * minuteMs, () => []);
    expect(await lab.cordon(claude.task)).toMatchObject({ code: 0, stdout: expect.stringContaining("All done.") });
    expect(oauth.seen).toEqual({ refreshes: 1, exchanges: 0, refused: 0 });
  });

  test.each([
    ["without a way to renew it", { refresh: "" }],
    ["with a refresh token that nobody takes", { refresh: "sk-ant-ort01-used-before" }],
  ])("what has expired %s is said before the agent starts", async (_title, change) => {
    const { stage, oauth } = await prepare(claude, -minuteMs, () => [{ shell: "touch started" }]);
    plantCredentials(lab, { claude: { ...oauth.login(-minuteMs), ...change } });
    const before = fs.readFileSync(fileOf(claude), "utf8");
    const { code, stderr } = await lab.cordon(claude.task);
    expect(code).toBe(125);
    expect(stderr).toMatch(/expired|renewed|no longer takes/);
    expect(stderr).toContain(".credentials.json");
    expect(stage.model.requests).toEqual([]);
    expect(fs.existsSync(at("started"))).toBe(false);
    expect(fs.readFileSync(fileOf(claude), "utf8")).toBe(before);
    for (const secret of stage.secrets()) expect(stderr).not.toContain(secret);
  });
});
