import { describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { CordonError } from "../../src/errors.ts";
import { partsOf, projectPlace, type Session, sessionPlace } from "../../src/sessions/record.ts";
import { findUnfinished, forgetSession, removeUnfinished } from "../../src/sessions/remains.ts";
import {
  findSession,
  listSessions,
  lockSession,
  openSession,
  renameSession,
  sessionUser,
  updateSession,
} from "../../src/sessions/store.ts";
import { measureSession, stateOf, summarise } from "../../src/sessions/summary.ts";
import { gitPath } from "./session-desk.ts";
import { openDesk } from "./session-room.ts";

const timeoutMs = 60_000;

const codeOf = async (work: () => unknown): Promise<string> => {
  try {
    await work();
  } catch (cause) {
    if (cause instanceof CordonError) return cause.code;
    throw cause;
  }
  return "none";
};

describe("names", () => {
  test.each(["", "-x", ".x", "a/b", "..", "a b", "é", "x".repeat(64), "a\n", "$(x)"])("%p is none", async (name) => {
    const desk = openDesk();
    expect(await codeOf(() => desk.create(name))).toBe("E_SESSION_NAME");
    expect(listSessions(desk.host)).toEqual([]);
  });

  test("two that differ in the case of their letters are one", async () => {
    const desk = openDesk();
    const { session, release } = await desk.create("Fix.Login_2");
    release();
    expect(await codeOf(() => desk.create("fix.login_2"))).toBe("E_SESSION_EXISTS");
    expect(findSession(desk.host, desk.project, "FIX.LOGIN_2")?.id).toBe(session.id);
    expect(findSession(desk.host, desk.project, session.id)?.name).toBe("Fix.Login_2");
    expect(findSession(desk.host, desk.at("home"), "Fix.Login_2")).toBeUndefined();
  });

  test(
    "of ten that begin at once with one name, one wins",
    async () => {
      const desk = openDesk();
      const tried = await Promise.allSettled(
        Array.from({ length: 10 }, (_, index) => desk.create(index % 2 ? "same" : "SAME")),
      );
      const codes = tried.flatMap((one) => (one.status === "rejected" ? [(one.reason as CordonError).code] : []));
      expect(codes).toHaveLength(9);
      expect(codes.filter((code) => code !== "E_SESSION_BUSY" && code !== "E_SESSION_EXISTS")).toEqual([]);
      expect(listSessions(desk.host, desk.project)).toHaveLength(1);
      expect(findUnfinished(desk.host)).toEqual([]);
    },
    timeoutMs,
  );
});

test(
  "several sessions of one project stand side by side",
  async () => {
    const desk = openDesk();
    const all = await Promise.all(["one", "two", "three"].map((name) => desk.create(name)));
    await Promise.all(all.map(({ session }) => desk.work(session, `echo ${session.name} > a.txt`)));
    for (const { session, release } of all) {
      release();
      const { collected } = await desk.collect(session);
      expect(desk.git("show", `${collected!.tip}:a.txt`)).toBe(session.name);
    }
    expect(desk.get("a.txt")).toBe("a\n");
  },
  timeoutMs,
);

test("a record is private, and what is none is left out", async () => {
  const desk = openDesk();
  const { session, release, directory } = await desk.create("one");
  release();
  expect(fs.statSync(partsOf(directory).record).mode & 0o777).toBe(0o600);
  expect(fs.statSync(directory).mode & 0o777).toBe(0o700);
  const place = projectPlace(desk.host, desk.project);
  const plant = (id: string, text: string) => {
    fs.mkdirSync(path.join(place, id));
    fs.writeFileSync(path.join(place, id, "session.json"), text);
  };
  plant("s00000001", "");
  plant("s00000002", '{"version":1,"id":"s000');
  plant("s00000003", JSON.stringify({ ...session, id: "s00000003", version: 2 }));
  plant("s00000004", JSON.stringify(session));
  plant("s00000005", JSON.stringify({ ...session, id: "s00000005", base: { commit: "--all" } }));
  plant("s00000006", JSON.stringify({ ...session, id: "s00000006", project: "/elsewhere" }));
  fs.writeFileSync(path.join(place, "s00000007"), "");
  expect(listSessions(desk.host, desk.project)).toEqual([session]);
  // Work may be in those.
  expect(findUnfinished(desk.host)).toEqual([]);
  await expect(desk.create("two")).resolves.toBeDefined();
});

test("one run at a time, and it is named", async () => {
  const desk = openDesk();
  const held = await desk.create("one");
  held.release();
  const { host, project } = desk;
  expect(sessionUser(host, held.session)).toBeUndefined();
  const open = openSession(host, project, "one", "run ab12");
  expect(sessionUser(host, held.session)).toBe("run ab12");
  expect(() => lockSession(host, held.session)).toThrow("the session `one` is in use by run ab12");
  expect(summarise(host, held.session).state).toBe("running");
  expect(await codeOf(() => forgetSession(host, held.session))).toBe("E_SESSION_BUSY");
  open.release();
  expect(() => openSession(host, project, "two")).toThrow("no session `two`");
});

test("a session gets another name, also while it runs, but none that is taken", async () => {
  const desk = openDesk();
  const [one, two] = [await desk.create("one"), await desk.create("two")];
  expect(await codeOf(() => renameSession(desk.host, one.session, "TWO"))).toBe("E_SESSION_EXISTS");
  expect(await codeOf(() => renameSession(desk.host, one.session, "../x"))).toBe("E_SESSION_NAME");
  const renamed = await renameSession(desk.host, one.session, "One");
  expect(renamed).toEqual({ ...one.session, name: "One" });
  expect(findSession(desk.host, desk.project, "one")).toEqual(renamed);
  two.release();
});

test(
  "a discarded session is gone with everything that held it, and nothing else is",
  async () => {
    const desk = openDesk();
    const other = await desk.did("echo x > x", "overlay", "other");
    const { session } = await desk.did(
      `git checkout -qb topic; echo t > t; git add t; git commit -qm t; echo open > open; git stash -qu
     mkdir -p locked/deep; ln -s / locked/root; touch locked/deep/x; chmod 000 locked/deep locked`,
    );
    const refs = desk.git("for-each-ref", "--format=%(refname)", `refs/cordon/${session.id}/`).split("\n");
    expect(refs.length).toBeGreaterThan(3);
    const before = desk.git("for-each-ref", `refs/cordon/${other.session.id}/`, "refs/heads/");
    await forgetSession(desk.host, session);
    expect(desk.git("for-each-ref", `refs/cordon/${session.id}/`)).toBe("");
    expect(desk.git("for-each-ref", `refs/cordon/${other.session.id}/`, "refs/heads/")).toBe(before);
    expect(fs.existsSync(sessionPlace(desk.host, session))).toBe(false);
    expect(listSessions(desk.host).map(({ name }) => name)).toEqual(["other"]);
    expect(await codeOf(() => updateSession(desk.host, session, () => ({})))).toBe("E_SESSION_UNKNOWN");
  },
  timeoutMs,
);

const program = `
import { createSession } from "${path.join(import.meta.dirname, "../../src/sessions/creation.ts")}";
import { forgetSession } from "${path.join(import.meta.dirname, "../../src/sessions/remains.ts")}";
import { readRepository } from "${path.join(import.meta.dirname, "../../src/workspace/repository.ts")}";
const { host, project, session } = JSON.parse(process.argv[2]);
if (session) await forgetSession(host, session);
else await createSession({ host, project, repository: readRepository(project), name: "one", agent: "claude", workspace: "overlay" });
`;

describe("kill -9", () => {
  /** Runs the program with a git that stops for ever at one word, and kills both there. */
  const dieAt = async (desk: ReturnType<typeof openDesk>, word: string, session?: Session) => {
    fs.mkdirSync(desk.at("bin"), { recursive: true });
    fs.writeFileSync(desk.at("program.ts"), program);
    const wrapper = `#!/bin/sh\nfor word; do [ "$word" != ${word} ] || { echo $$ > ${desk.at("stopped")}.new; mv ${desk.at("stopped")}.new ${desk.at("stopped")}; exec sleep 600; }; done\nexec ${gitPath} "$@"\n`;
    fs.writeFileSync(desk.at("bin/git"), wrapper, { mode: 0o755 });
    fs.rmSync(desk.at("stopped"), { force: true });
    const host = { ...desk.host, env: { ...desk.host.env, PATH: `${desk.at("bin")}:${desk.host.env["PATH"]}` } };
    const child = spawn(
      process.execPath,
      [desk.at("program.ts"), JSON.stringify({ host, project: desk.project, session })],
      {
        env: desk.env,
        stdio: "ignore",
      },
    );
    const ended = new Promise((resolve) => child.on("exit", resolve));
    while (!fs.existsSync(desk.at("stopped"))) await Bun.sleep(10);
    child.kill("SIGKILL");
    await ended;
    process.kill(Number(fs.readFileSync(desk.at("stopped"), "utf8")), "SIGKILL");
  };

  test.each(["diff-files", "write-tree", "update-ref", "config"])(
    "of a creation at `git %s` leaves no session and no name",
    async (word) => {
      const desk = openDesk();
      desk.put("new", "new\n");
      await dieAt(desk, word);
      expect(listSessions(desk.host)).toEqual([]);
      const [left] = findUnfinished(desk.host);
      expect(left).toMatchObject({ name: "one", project: desk.project });
      const { session, release } = await desk.create("one");
      release();
      expect(findUnfinished(desk.host)).toEqual([]);
      expect(fs.existsSync(left!.directory)).toBe(false);
      expect(listSessions(desk.host)).toEqual([session]);
      const owners = desk.git("for-each-ref", "--format=%(refname)", "refs/cordon/").split("\n");
      expect(owners.filter((name) => !name.includes(session.id))).toEqual([]);
    },
    timeoutMs,
  );

  test(
    "of a removal is finished later",
    async () => {
      const desk = openDesk();
      const { session } = await desk.did("echo x > x");
      await dieAt(desk, "for-each-ref", session);
      expect(listSessions(desk.host)).toEqual([]);
      expect(desk.git("for-each-ref", "refs/cordon/")).not.toBe("");
      const [left] = findUnfinished(desk.host);
      await removeUnfinished(desk.host, left!.directory);
      expect(desk.git("for-each-ref", "refs/cordon/")).toBe("");
      expect(findUnfinished(desk.host)).toEqual([]);
      expect(fs.existsSync(left!.directory)).toBe(false);
    },
    timeoutMs,
  );
});

test(
  "what a list says of it",
  async () => {
    const desk = openDesk();
    const { session } = await desk.did("head -c 300000 /dev/urandom > big; git add big; git commit -qm big");
    expect(summarise(desk.host, session)).toMatchObject({
      ...{ name: "one", agent: "claude", workspace: "overlay", state: "open", commits: 1, files: 1, branch: "main" },
    });
    expect(await measureSession(desk.host, session)).toBeGreaterThan(300_000);
    const tip = session.collected!.tip;
    const merged = { tip, at: new Date().toISOString() };
    expect(stateOf({ ...session, isStale: true }, false)).toBe("stale");
    expect(stateOf({ ...session, merged }, false)).toBe("merged");
    expect(stateOf({ ...session, merged: { ...merged, tip: "0".repeat(40) } }, false)).toBe("open");
    expect(stateOf({ ...session, collected: undefined }, false)).toBe("empty");
  },
  timeoutMs,
);
