import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { findAgents } from "../agents/install.ts";
import type { Turn } from "../models/script.ts";
import { type Login, logins, openStage, type Stage } from "./agent-stage.ts";
import { credentialFiles } from "./planted.ts";
import { prepareSearch } from "./search.ts";
import { createSecureLab, type SecureLab } from "./secure-lab.ts";

/** Real agents work with placeholders alone, against servers that take only the real values. */

setDefaultTimeout(180_000);

const installed = await findAgents();

let lab: SecureLab;
afterEach(() => lab.close());

/** Found by every search, so that one that finds nothing has looked. */
const marker = "marker-that-is-found-5d1f";

const places = [path.dirname(Bun.which("node") ?? "/usr/bin/node"), "/usr/local/bin", "/usr/bin", "/bin"];

/** The agent of one login on PATH, its servers, and a search that its first turn makes. */
const prepare = async (login: Login, turns: Turn[] = [], lifeMs?: number) => {
  lab = createSecureLab(process.getuid?.());
  let stage: Stage | undefined;
  const search = prepareSearch(lab, () => [...(stage?.secrets() ?? []), marker]);
  const script = { turns: [{ shell: search.command }, ...turns], final: "All done." };
  stage = await openStage(lab, login, script, lifeMs);
  Object.assign(lab.env, stage.env, { PATH: [installed![login.agent].bin, ...places].join(":") });
  lab.write(path.join(lab.at("project"), "marked"), marker);
  search.refresh();
  return { stage, search };
};

const read = (name: string): string => fs.readFileSync(path.join(lab.at("project"), name), "utf8");
const fileOf = ({ agent }: Login): string => path.join(lab.at("home"), credentialFiles[agent]);

/** Files of the user's, other than the one that holds the login, in which a text stands. */
const filesWith = (texts: readonly string[], except: readonly string[]): string[] =>
  fs
    .readdirSync(lab.directory, { recursive: true, encoding: "utf8" })
    .map((name) => path.join(lab.directory, name))
    .filter((file) => !except.includes(file) && fs.lstatSync(file).isFile())
    .filter((file) => {
      const bytes = fs.readFileSync(file);
      return texts.some((text) => bytes.includes(text));
    });

const work: Turn[] = [
  { shell: "echo from-shell | tee out.txt" },
  { write: { path: "new.txt", content: "hello\n" } },
  { edit: { path: "new.txt", old: "hello", new: "goodbye" } },
];

describe.if(installed !== undefined)("NT-23 placeholders are enough, and all that is inside", () => {
  test.each(logins.map((login) => [`${login.agent}, ${login.kind}`, login] as const))("%s", async (_title, login) => {
    const { stage, search } = await prepare(login, work);
    const before = fs.existsSync(fileOf(login)) ? fs.readFileSync(fileOf(login), "utf8") : undefined;
    const { code, stdout, stderr } = await lab.cordon(login.task);
    expect({ code, stdout, stderr }).toMatchObject({ code: 0, stdout: expect.stringContaining("All done.") });
    expect([read("out.txt"), read("new.txt")]).toEqual(["from-shell\n", "goodbye\n"]);

    const { hits, memories } = search.findings();
    expect(hits.filter(({ secret }) => secret !== marker)).toEqual([]);
    expect(hits.map(({ place }) => place)).toContain(`file ${path.join(lab.at("project"), "marked")}`);
    // The agent's own memory is among them.
    expect(memories).toBeGreaterThan(1);

    // The real value went to the model with each question of its, and the placeholder to nobody.
    expect(stage.model.requests.filter(({ turn }) => turn !== undefined).length).toBeGreaterThanOrEqual(
      work.length + 2,
    );
    expect(JSON.stringify(stage.arrivals)).not.toContain("placeholder");
    expect(JSON.stringify(stage.model.requests.map(({ toolResults }) => toolResults))).not.toContain(
      stage.secrets()[0]!,
    );
    const after = fs.existsSync(fileOf(login)) ? fs.readFileSync(fileOf(login), "utf8") : undefined;
    expect(after).toBe(before);
    expect(filesWith(stage.secrets(), [fileOf(login)])).toEqual([]);
    expect(stdout + stderr).not.toContain(stage.secrets()[0]!);
  });
});

const loginOf = (agent: Login["agent"], kind: string): Login =>
  logins.find((login) => login.agent === agent && login.kind === kind)!;

describe.if(installed !== undefined)("other modes", () => {
  const key = loginOf("claude", "a key in the environment");
  const login = loginOf("claude", "a login");

  test.each([key, login])("share: $kind is inside, and the search finds it", async (login) => {
    const { stage, search } = await prepare(login, work);
    const { code, stdout } = await lab.cordon(["--credentials", "share", ...login.task]);
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining("All done.") });
    const found = new Set(search.findings().hits.map(({ secret }) => secret));
    expect(found).toContain(stage.secrets()[0]!);
  });

  test.each([key, login])("none: $kind stays outside, and nothing takes its place", async (login) => {
    const { stage } = await prepare(login);
    await lab.cordon(["--credentials", "none", ...login.task]);
    const credentials = stage.arrivals.map(({ headers }) => `${headers["x-api-key"]} ${headers.authorization}`);
    for (const credential of credentials) expect(credential).toBe("undefined undefined");
    expect(stage.model.requests.filter(({ turn }) => turn !== undefined)).toEqual([]);
    expect(filesWith(stage.secrets(), [fileOf(login)])).toEqual([]);
  });
});
