import { afterAll, describe, expect, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { coveredPlaces, guardPlaces } from "../../src/workspace/watch-mounts.ts";

/** A real sandbox with mounts over places of a project, while the host changes that project. */

const root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "cordon-mounts-")));
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

let count = 0;

const makeProject = () => {
  const directory = path.join(root, `p${count++}`);
  const top = path.join(directory, "project");
  const put = (name: string, text: string) => {
    fs.mkdirSync(path.dirname(path.join(directory, name)), { recursive: true });
    fs.writeFileSync(path.join(directory, name), text);
  };
  put("project/.git/config", "the host's");
  put("project/vendor/deep/.git/config", "the host's");
  put("project/tree/.git", "gitdir: the host's");
  put("private/config", "private");
  put("nested/config", "private");
  put("gitfile", "gitdir: private");
  const places = [".git", "vendor/deep/.git", "tree/.git"].map((name) => path.join(top, name));
  return { directory, top, places };
};

type Project = ReturnType<typeof makeProject>;

/** Starts a shell inside that says "up", waits for a line, and then runs `script`. */
const startInside = async ({ directory, top, places }: Project, script: string) => {
  const sources = ["private", "nested", "gitfile"].map((name) => path.join(directory, name));
  const child = spawn("bwrap", [
    ...["--ro-bind", "/", "/", "--dev", "/dev", "--unshare-user", "--unshare-pid", "--die-with-parent"],
    ...["--bind", top, top, ...places.flatMap((place, index) => ["--bind", sources[index]!, place])],
    ...["--chdir", top, "/bin/sh", "-c", `echo up; read line; ${script}`],
  ]);
  let said = "";
  child.stderr.on("data", (bytes) => {
    said += bytes;
  });
  const ended = new Promise((resolve) => child.on("close", resolve));
  await new Promise<void>((resolve, reject) => {
    child.on("close", () => reject(new Error(said)));
    child.stdout.on("data", (bytes) => {
      said += bytes;
      if (said.includes("up\n")) resolve();
    });
  });
  return {
    finish: async () => {
      child.stdin.end("go\n");
      await ended;
      return said.replace("up\n", "");
    },
  };
};

const show = "cat .git/config vendor/deep/.git/config tree/.git 2>&1";

/** What the host does in the project's top, and the place that is then no longer guarded; relative to it. */
const replacements: [what: string, script: string, place: string][] = [
  ["renames .git and makes a new one", "mv .git old; mkdir .git; echo OPEN > .git/config", ".git"],
  ["removes .git and makes a new one", "rm -r .git; mkdir .git; echo OPEN > .git/config", ".git"],
  ["removes .git", "rm -r .git", ".git"],
  ["turns .git into a file", "rm -r .git; echo OPEN > .git", ".git"],
  ["moves the whole project", "mv $PWD $PWD.2; mkdir -p $PWD/.git", "."],
  ["replaces a nested .git", "cd vendor/deep; rm -r .git; mkdir .git; echo OPEN > .git/config", "vendor/deep/.git"],
  ["moves a nested .git elsewhere", "mkdir lib; mv vendor/deep/.git lib", "vendor/deep/.git"],
  ["removes a whole submodule", "rm -r tree", "tree/.git"],
  ["renames a file over a gitfile", "echo OPEN > new; mv new tree/.git", "tree/.git"],
  ["removes and writes a gitfile", "rm tree/.git; echo OPEN > tree/.git", "tree/.git"],
];

const onHost = (top: string, script: string) => {
  const done = spawnSync("/bin/sh", ["-ec", script], { cwd: top });
  if (done.status !== 0) throw new Error(`${script}: ${done.stderr}`);
};

describe("the host replaces what a mount covers", () => {
  test.each(replacements)("%s: the run is told", async (_what, script, place) => {
    const project = makeProject();
    const guard = guardPlaces(project.top, project.places);
    const inside = await startInside(project, show);
    expect(guard.findReplaced()).toBeUndefined();
    const told = new Promise<string>((resolve) => guard.watch(resolve));
    onHost(project.top, script);
    const expected = path.join(project.top, place);
    expect(await told).toBe(expected);
    expect(guard.findReplaced()).toBe(expected);
    guard.release();
    await inside.finish();
  });

  test.each(replacements.filter(([, script]) => script.includes("OPEN") && !script.includes("OPEN > .git;")))(
    "%s: without anybody who watches, the new one stands open inside",
    async (_what, script) => {
      const project = makeProject();
      const inside = await startInside(project, "cat .git .git/config vendor/deep/.git/config tree/.git 2>&1");
      onHost(project.top, script);
      expect(await inside.finish()).toContain("OPEN");
    },
  );

  test("it is told once, and not after it was stopped", async () => {
    const project = makeProject();
    const guard = guardPlaces(project.top, project.places);
    const told: string[] = [];
    guard.watch((place) => told.push(place));
    const stop = guard.watch((place) => told.push(`late ${place}`));
    stop();
    onHost(project.top, "rm -r .git tree");
    while (told.length === 0) await Bun.sleep(10);
    await Bun.sleep(600);
    expect(told).toEqual([project.places[0]!]);
    guard.release();
  });
});

describe("what does not uncover anything", () => {
  const harmless: [what: string, script: string][] = [
    ["the host works in .git", "echo OPEN > .git/index.lock; mv .git/index.lock .git/index"],
    ["the host writes into a gitfile", "echo OPEN > tree/.git"],
    ["a directory above is renamed", "mv vendor renamed"],
    ["and renamed again", "mv vendor one; mv one two"],
    ["a directory above moves elsewhere", "mkdir lib; mv vendor lib"],
    ["and another stands in its place", "mv vendor old; mkdir -p vendor/deep"],
  ];
  test.each(harmless)("%s", async (_what, script) => {
    const project = makeProject();
    const guard = guardPlaces(project.top, project.places);
    const inside = await startInside(project, "grep -rs OPEN . ; find . -path '*deep/.git/config' -exec cat {} +");
    onHost(project.top, script);
    expect(guard.findReplaced()).toBeUndefined();
    expect(await inside.finish()).toBe("private");
    guard.release();
  });

  test("inside, no mounted place can be moved, removed or exchanged; one that moves with its parent stays private", async () => {
    const project = makeProject();
    const guard = guardPlaces(project.top, project.places);
    const script = `
      for place in .git vendor/deep/.git tree/.git; do mv $place gone; rmdir $place; rm -f $place; done
      mv vendor lib; mv lib/deep deeper; mv tree other
      cat deeper/.git/config; echo; cat other/.git; echo evil > deeper/.git/config
      mkdir -p vendor/deep/.git; echo made inside > vendor/deep/.git/config`;
    const inside = await startInside(project, script);
    const said = await inside.finish();
    expect(said).toEndWith("private\ngitdir: private");
    expect(said.match(/busy/g)).toHaveLength(6);
    expect(guard.findReplaced()).toBeUndefined();
    expect(fs.readFileSync(path.join(project.top, "deeper/.git/config"), "utf8")).toBe("the host's");
    expect(fs.readFileSync(path.join(project.top, "other/.git"), "utf8")).toBe("gitdir: the host's");
    guard.release();
  });
});

test("a removed place is not mistaken for one that got its number", () => {
  const project = makeProject();
  const guard = guardPlaces(project.top, project.places);
  for (let round = 0; round < 20; round++) {
    onHost(project.top, "rm -r .git; mkdir .git");
    expect(guard.findReplaced()).toBe(project.places[0]!);
  }
  guard.release();
});

test("the places are those of mounts below the project", () => {
  const origin = "test";
  const bind = (target: string) => ({ kind: "bind" as const, source: "/x", target, mode: "ro" as const, origin });
  const mounts = [bind("/p"), bind("/p/.git"), bind("/pq/.git"), bind("/run/cordon/objects/0"), bind("/p/a/.git")];
  expect(coveredPlaces(mounts, "/p")).toEqual(["/p/.git", "/p/a/.git"]);
});
