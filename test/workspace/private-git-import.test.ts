import { expect, test } from "bun:test";
import fs from "node:fs";
import type { Host } from "../../src/host.ts";
import { placesOf } from "../../src/places.ts";
import { type ImportResult, importCommits } from "../../src/workspace/import.ts";
import { useLab } from "./git-lab.ts";

/** The way in and the way out together: run after run, inside and outside agree. */

const lab = useLab();

const hostOf = (cwd: string): Host => ({
  platform: process.platform,
  arch: process.arch,
  uid: process.getuid!(),
  gid: process.getgid!(),
  home: lab.home,
  realHome: lab.home,
  cwd,
  project: cwd,
  env: { HOME: lab.home, PATH: "/usr/local/bin:/usr/bin:/bin" },
  tty: { stdin: false, stdout: false, stderr: false },
  places: placesOf({ XDG_RUNTIME_DIR: lab.at("runtime") }, lab.home, process.getuid!()),
  executable: process.execPath,
});

type Round = { printed: string; results: ImportResult[]; notes: string[] };

const round = async (name: string, script: string): Promise<Round> => {
  const opened = await lab.open(name);
  const printed = lab.inside(name, opened, script);
  const results: ImportResult[] = [];
  for (const { repository, directory, base, noteStash } of opened.parts) {
    const request = { repository, directory, id: "run-1", base: base(), advances: true };
    const result = await importCommits({ host: hostOf(lab.at(name)), ...request });
    if (result.seen) noteStash(result.seen.stash);
    results.push(result);
  }
  opened.release();
  return { printed, results, notes: opened.notes };
};

const subjects = "git log --all --format=%s --exclude=refs/cordon/* | sort; git status --porcelain --branch";
const outside = (name: string) =>
  `${lab.outside(name, "log", "--format=%s", "--branches").split("\n").sort().filter(Boolean).join("\n")}\n${lab.outside(name, "status", "--porcelain", "--branch")}`;

test("commits arrive, the next run goes on from there, and a stash arrives once", async () => {
  lab.create("p");
  const work =
    "echo n > n.txt; git add n.txt; git commit -q -m agent; git switch -q -c topic; echo f > f.txt; git add .; git commit -q -m topic; git switch -q main";
  const first = await round("p", work);
  expect(first.results[0]!.problems).toEqual([]);
  expect(lab.outside("p", "status", "--porcelain", "--branch")).toBe("## main\n");
  expect(lab.outside("p", "log", "--format=%s", "topic")).toBe("topic\nagent\none\n");
  expect((await round("p", subjects)).printed).toBe(outside("p"));

  lab.write("p/h.txt", "host\n");
  lab.outside("p", "add", ".");
  lab.outside("p", "commit", "-q", "-m", "host");
  const second = await round("p", `${subjects}; echo d >> a.txt; git stash -q`);
  expect(second.printed).toBe(outside("p"));
  expect(second.results[0]!.kept.map(({ name }) => name)).toEqual(["stash"]);
  const third = await round("p", "git stash list --format=%gd");
  expect(third).toMatchObject({ printed: "stash@{0}\n", notes: [] });
  expect(third.results[0]!.kept).toEqual([]);
  expect(lab.outside("p", "fsck", "--strict", "--no-dangling")).toBe("");
});

test("the commits of a submodule arrive in it", async () => {
  lab.create("lib");
  lab.create("super");
  lab.outside("super", "submodule", "--quiet", "add", lab.at("lib"), "sub");
  lab.outside("super", "commit", "-q", "-m", "with a submodule");
  await round(
    "super",
    "cd sub; echo n > n.txt; git add n.txt; git commit -q -m in-sub; cd ..; git commit -q -a -m bump",
  );
  expect(lab.outside("super/sub", "log", "-1", "--format=%s")).toBe("in-sub\n");
  expect(lab.outside("super/sub", "status", "--porcelain")).toBe("");
  expect(fs.existsSync(lab.at("store-super/git/modules/sub/HEAD"))).toBe(true);
});
