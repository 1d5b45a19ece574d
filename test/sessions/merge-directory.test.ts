import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { makeBare, shadowOf, shadowSettings } from "../../src/sessions/bare.ts";
import type { MergeRequest } from "../../src/sessions/merge/work.ts";
import { createLab, type Lab, type LabSession, lines, workIn, writeIn } from "./merge-lab.ts";
import { trapGit } from "./merge-trap.ts";

/** Directories without git: a bare repository of cordon's own plays its part. */

/** The shadow is made as a session makes it: everything that lies there, in one commit. */
const open = (lab: Lab) => {
  const [top, shadow] = [lab.at("project"), lab.at("shadow.git")];
  fs.mkdirSync(top);
  const begin = (name: string, work: Parameters<typeof workIn>[2]): LabSession => {
    const attributes = Buffer.from("* -text -filter -ident -working-tree-encoding !merge\n");
    makeBare(shadow, { hashAlgorithm: "sha1", settings: shadowSettings, files: { "info/attributes": attributes } });
    const place = { GIT_DIR: shadow, GIT_WORK_TREE: top, GIT_INDEX_FILE: lab.at("first-index") };
    lab.runIn(top, ["add", "-Af", "."], place);
    const commit = lab.runIn(top, ["commit-tree", "-m", "start", lab.runIn(top, ["write-tree"], place)], place);
    return workIn(lab, name, work, shadow, commit);
  };
  return {
    ...{ top, shadow, begin },
    put: (name: string, text: string | Buffer, mode?: number) => writeIn(top, name, text, mode),
    get: (name: string) => fs.readFileSync(path.join(top, name), "utf8"),
    list: () => fs.readdirSync(top, { recursive: true, encoding: "utf8" }).sort(),
    merge: (session: LabSession, more: Partial<MergeRequest> = {}) =>
      lab.merge(session, { ...more, repository: shadowOf(shadow, top) }),
    expectTidy: () => {
      expect(fs.readdirSync(shadow).filter((name) => /cordon-|\.lock$/.test(name))).toEqual([]);
      expect(lab.tryIn(shadow, ["fsck", "--full", "--strict"])).toMatchObject({ code: 0 });
    },
  };
};

const withDirectory = async (work: (directory: ReturnType<typeof open>, lab: Lab) => Promise<void>): Promise<void> => {
  const lab = createLab();
  try {
    const directory = open(lab);
    await work(directory, lab);
    directory.expectTidy();
  } finally {
    lab.close();
  }
};

test("the files become what the session made of them, byte for byte", () =>
  withDirectory(async (directory, lab) => {
    directory.put("a.txt", "one\r\ntwo\n");
    directory.put(".gitattributes", "* text=auto eol=crlf\n");
    directory.put("gone.txt", "gone\n");
    directory.put("keep/b.bin", Buffer.of(0, 13, 10, 255));
    const session = directory.begin("fix", (agent) => {
      agent.put("a.txt", "one\r\ntwo\r\nthree\n");
      agent.put("new/run.sh", "#!/bin/sh\n", 0o755);
      fs.rmSync(path.join(agent.top, "gone.txt"));
    });
    // Nobody needs to be anybody to git for that.
    fs.rmSync(lab.at("home/.gitconfig"));
    expect(await directory.merge(session)).toMatchObject({ kind: "merged", files: 3, commits: 1 });
    expect(directory.list()).toEqual([".gitattributes", "a.txt", "keep", "keep/b.bin", "new", "new/run.sh"]);
    expect(directory.get("a.txt")).toBe("one\r\ntwo\r\nthree\n");
    expect(fs.statSync(path.join(directory.top, "new/run.sh")).mode & 0o111).toBe(0o111);
    expect(await directory.merge(session)).toEqual({ kind: "nothing" });
  }));

test("what the user did meanwhile is kept, or a conflict", () =>
  withDirectory(async (directory) => {
    for (const name of ["a", "b", "c"]) directory.put(`${name}.txt`, lines(name));
    const session = directory.begin("fix", (agent) => {
      agent.put("a.txt", lines("a", { 0: "agent" }));
      agent.put("b.txt", lines("b", { 4: "agent" }));
      agent.put("n.txt", "agent\n");
    });
    directory.put("a.txt", lines("a", { 9: "mine" }));
    directory.put("b.txt", lines("b", { 4: "mine" }));
    directory.put("c.txt", "mine\n");
    directory.put("n.txt", "mine\n");
    const before = directory.list().map((name) => directory.get(name));
    const result = await directory.merge(session);
    expect(result).toMatchObject({ kind: "conflict", conflicts: [{ path: "b.txt" }, { path: "n.txt" }] });
    expect((result as { hint: string }).hint).toContain("cordon merge fix PATH");
    expect(directory.list().map((name) => directory.get(name))).toEqual(before);
    const choice = { kind: "files" as const, paths: ["a.txt"] };
    expect(await directory.merge(session, { choice })).toMatchObject({ kind: "merged", files: 1 });
    expect(directory.get("a.txt")).toBe(lines("a", { 0: "agent", 9: "mine" }));
    directory.put("b.txt", lines("b"));
    fs.rmSync(path.join(directory.top, "n.txt"));
    // Taking the user's word back is a change as any other: the session's comes on top.
    const end = await directory.merge(session);
    expect(end).toMatchObject({ kind: "merged", files: 2 });
    expect(directory.get("b.txt")).toBe(lines("b", { 4: "agent" }));
    expect(directory.get("c.txt")).toBe("mine\n");
  }));

test("links, pipes and directories in the way", () =>
  withDirectory(async (directory, lab) => {
    directory.put("d/x", "x\n");
    directory.put("f", "f\n");
    const session = directory.begin("fix", (agent) => {
      agent.put("d/x", "agent\n");
      agent.put("out/file", "agent\n");
      agent.put("f", "agent\n");
    });
    const outside = lab.at("elsewhere");
    writeIn(outside, "x", "x\n");
    fs.rmSync(path.join(directory.top, "d"), { recursive: true });
    fs.symlinkSync(outside, path.join(directory.top, "d"));
    fs.symlinkSync(outside, path.join(directory.top, "out"));
    expect((await directory.merge(session)).kind).toBe("conflict");
    fs.rmSync(path.join(directory.top, "d"));
    directory.put("d/x", "x\n");
    const refused = await directory.merge(session);
    expect(refused.kind === "conflict" || refused.kind === "refused").toBe(true);
    fs.rmSync(path.join(directory.top, "out"));
    fs.rmSync(path.join(directory.top, "f"));
    expect(spawnSync("mkfifo", [path.join(directory.top, "f")]).status).toBe(0);
    expect(await directory.merge(session)).toMatchObject({ kind: "refused" });
    fs.rmSync(path.join(directory.top, "f"));
    directory.put("f/mine", "mine\n");
    expect(["refused", "conflict"]).toContain((await directory.merge(session)).kind);
    expect(directory.get("f/mine")).toBe("mine\n");
    fs.rmSync(path.join(directory.top, "f"), { recursive: true });
    directory.put("f", "f\n");
    expect(await directory.merge(session)).toMatchObject({ kind: "merged", files: 3 });
    expect(fs.readdirSync(outside)).toEqual(["x"]);
    expect(fs.readFileSync(path.join(outside, "x"), "utf8")).toBe("x\n");
  }));

test("killed in the middle of the files, it is finished by the same merge", () =>
  withDirectory(async (directory, lab) => {
    directory.put("a.txt", lines("a"));
    directory.put("b.txt", lines("b"));
    const session = directory.begin("fix", (agent) => {
      agent.put("a.txt", lines("a", { 0: "agent" }));
      agent.put("n.txt", "agent\n");
      fs.rmSync(path.join(agent.top, "b.txt"));
    });
    directory.put("a.txt", lines("a", { 9: "mine" }));
    const host = trapGit(
      lab,
      `case "$words" in *" read-tree -m -u "*) $real "$@"; : > ${directory.top}/a.txt; kill -9 $PPID; exit 1 ;; esac`,
    );
    const main = path.join(import.meta.dirname, "merge-main.ts");
    const repository = shadowOf(directory.shadow, directory.top);
    const request = { host, repository, session, tip: session.tip, choice: { kind: "all" } };
    const done = spawnSync(process.execPath, [main, JSON.stringify(request)], { env: { PATH: lab.env.PATH } });
    expect(done.signal).toBe("SIGKILL");
    expect(directory.get("a.txt")).toBe("");
    expect(await directory.merge(session)).toMatchObject({ kind: "merged", files: 3 });
    expect(directory.get("a.txt")).toBe(lines("a", { 0: "agent", 9: "mine" }));
    expect(directory.list()).toEqual(["a.txt", "n.txt"]);
  }));
