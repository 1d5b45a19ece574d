import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { hasUnsettled, prepareWatch, settleLeft } from "../../src/workspace/watch-project.ts";
import { git, useLab } from "./git-lab.ts";

/** One run's watch, from before its start until after its end, and what is left of one that was killed. */

const lab = useLab();
let count = 0;

const makeProject = () => {
  const name = `p${count++}`;
  lab.create(name);
  const top = lab.at(name);
  const store = lab.at(`store-${name}`);
  const origin = "test";
  const project = {
    top,
    nested: [],
    closed: [],
    mounts: [{ kind: "mask" as const, of: "directory" as const, target: path.join(top, ".git"), origin }],
    commonDirs: [path.join(top, ".git")],
    store,
    git,
    confirm: () => {},
    seen: () => [],
  };
  return { name, top, store, project };
};

const quiet = { onAppear: () => {}, onReplaced: () => {} };

describe("a run", () => {
  test("that makes nothing says nothing, and leaves nothing", async () => {
    const { project, store } = makeProject();
    const watch = prepareWatch(project);
    watch.begin(quiet);
    expect(fs.readdirSync(path.join(store, "watched"))).toHaveLength(1);
    expect(hasUnsettled(store)).toBe(false);
    expect(await watch.settle()).toEqual({ sentences: [], places: [] });
    expect(fs.readdirSync(path.join(store, "watched"))).toEqual([]);
  });

  test("that makes repositories: each is said, with what was done", async () => {
    const { project, name } = makeProject();
    const watch = prepareWatch(project);
    const told: string[] = [];
    watch.begin({ ...quiet, onAppear: (sentence) => told.push(sentence) });
    lab.create(`${name}/plain`);
    lab.create(`${name}/evil\u202e`);
    lab.outside(`${name}/evil\u202e`, "config", "core.fsmonitor", "evil");
    while (told.length < 2) await Bun.sleep(20);
    expect(told.every((sentence) => sentence.includes("do not use git there until the run has ended"))).toBe(true);
    const { sentences: said, places } = await watch.settle();
    expect([...places].sort()).toEqual(["evil\u202e/.git", "plain/.git"]);
    expect(said).toHaveLength(2);
    expect(said[0]).toContain("core.fsmonitor is out of config; as it was: config.held-by-cordon");
    expect(said[1]).toContain("nothing in them that git would run: plain/.git");
    expect(said.join("")).not.toContain("\u202e");
  });

  test("whose .git the host replaces is ended", async () => {
    const { project, top } = makeProject();
    const watch = prepareWatch(project);
    const told = new Promise<string>((resolve) => watch.begin({ ...quiet, onReplaced: resolve }));
    fs.renameSync(path.join(top, ".git"), path.join(top, "old"));
    expect(await told).toContain(`${top}/.git was replaced outside`);
    const again: string[] = [];
    watch.begin({ ...quiet, onReplaced: (sentence) => again.push(sentence) });
    expect(again).toEqual([await told]);
    await watch.settle();
  });

  test("in a project that is another one begins nothing, and touches nothing", async () => {
    const { project, store, name } = makeProject();
    const confirm = () => {
      throw new Error("another one");
    };
    const watch = prepareWatch({ ...project, confirm });
    lab.create(`${name}/theirs`);
    lab.outside(`${name}/theirs`, "config", "core.pager", "less");
    expect(() => watch.begin(quiet)).toThrow("another one");
    expect(fs.existsSync(path.join(store, "watched"))).toBe(false);
    expect(await watch.settle()).toEqual({ sentences: [], places: [] });
    expect(lab.outside(`${name}/theirs`, "config", "core.pager")).toContain("less");
  });

  test("that never started is settled as well", async () => {
    const { project, store } = makeProject();
    expect(await prepareWatch(project).settle()).toEqual({ sentences: [], places: [] });
    expect(fs.existsSync(path.join(store, "watched"))).toBe(false);
  });
});

describe("a cordon that was killed", () => {
  test("leaves what it knew: the next one settles it, once", async () => {
    const { project, name, store, top } = makeProject();
    const { git: _git, seen: _seen, confirm: _confirm, ...rest } = project;
    const script = `
      import { prepareWatch } from ${JSON.stringify(path.resolve(import.meta.dirname, "../../src/workspace/watch-project.ts"))};
      const watch = prepareWatch({ ...${JSON.stringify(rest)}, git: "", confirm() {}, seen: () => [] });
      watch.begin({ onAppear() {}, onReplaced() {} });
      process.kill(process.pid, "SIGKILL");`;
    const killed = spawnSync(process.execPath, ["-e", script], { env: { HOME: lab.home, PATH: "/usr/bin:/bin" } });
    expect(killed.signal).toBe("SIGKILL");
    lab.create(`${name}/made`);
    lab.outside(`${name}/made`, "config", "core.pager", "evil");
    expect(hasUnsettled(store)).toBe(true);
    expect((await settleLeft(store, git)).join()).toContain("made/.git was made during the run: core.pager is out of");
    expect(lab.outside(`${name}/made`, "config", "--list", "--local")).not.toContain("pager");
    expect(hasUnsettled(store)).toBe(false);
    expect(await settleLeft(store, git)).toEqual([]);
    expect(fs.existsSync(path.join(top, ".git/HEAD"))).toBe(true);
  });

  test("in the middle of writing leaves nothing to do", async () => {
    const { store } = makeProject();
    fs.mkdirSync(path.join(store, "watched"), { recursive: true });
    fs.writeFileSync(path.join(store, "watched/.1-0-x"), "{");
    fs.writeFileSync(path.join(store, "watched/1-0-x"), "{");
    expect(await settleLeft(store, git)).toEqual([]);
    expect(fs.readdirSync(path.join(store, "watched"))).toEqual([]);
  });
});
