import { describe, expect, test } from "bun:test";
import fs from "node:fs";
import { digestOf, useLab } from "./git-lab.ts";

/** Repositories of every form, each by a real git in a real sandbox. */

const lab = useLab();

/** Status, history and integrity inside as outside, a commit that works, and a host that notices nothing. */
const checkAll = async (name: string, gitDirs: string[]) => {
  const asked = ["status --porcelain=v2 --branch", "log --all --format=%H%d", "branch --all --verbose"];
  const outside = asked.map((words) => lab.outside(name, ...words.split(" ")).replaceAll(/ \S*refs\/cordon\S*/g, ""));
  const opened = await lab.open(name);
  const before = gitDirs.map((directory) => digestOf(lab.at(directory)));
  for (const [index, words] of asked.entries()) {
    // The pins are the host's alone.
    expect(lab.inside(name, opened, `git ${words}`)).toBe(outside[index]!);
  }
  const work =
    "echo agent > agent.txt; git add agent.txt; git commit -q -m agent; git log -1 --format=%s; git fsck --strict";
  expect(lab.inside(name, opened, work)).toStartWith("agent\n");
  expect(gitDirs.map((directory) => digestOf(lab.at(directory)))).toEqual(before);
  opened.release();
};

describe("forms of a repository", () => {
  test("a linked worktree, with its gitfile unchanged", async () => {
    lab.create("main");
    lab.outside("main", "worktree", "add", "-q", "-b", "wt", "../linked");
    lab.outside("main", "worktree", "add", "-q", "-b", "another", "../another");
    lab.write("linked/a.txt", "staged\n");
    lab.outside("linked", "add", "a.txt");
    expect(lab.look("linked")).toMatchObject({
      isLinked: true,
      branch: "refs/heads/wt",
      commonDir: lab.at("main/.git"),
    });
    await checkAll("linked", ["main/.git"]);
    const opened = await lab.open("linked");
    const listed = lab.inside("linked", opened, "git worktree prune; git worktree list");
    for (const name of ["main", "linked", "another"]) expect(listed).toContain(`${lab.at(name)} `);
    lab.inside("linked", opened, "touch $(git rev-parse --git-dir)/index.lock");
    expect(lab.inside("linked", opened, "git switch main 2>&1 || true")).toContain("already checked out");
    expect(lab.inside("linked", opened, "echo x > .git 2>&1 || mv .git y 2>&1 || true")).toMatch(/busy|Read-only/i);
    expect(lab.inside("linked", opened, "mv .git elsewhere 2>&1 || true")).toMatch(/busy/i);
    opened.release();
    lab.outside("main", "worktree", "remove", "--force", "../another");
    const again = await lab.open("linked");
    expect(
      lab.inside("linked", again, "git commit -q --allow-empty -m x; git worktree prune; git worktree list"),
    ).not.toContain(lab.at("another"));
    again.release();
  });

  test("a shallow clone", async () => {
    lab.create("deep");
    lab.write("deep/b.txt", "b\n");
    lab.outside("deep", "add", ".");
    lab.outside("deep", "commit", "-q", "-m", "two");
    lab.outside(".", "clone", "-q", "--depth=1", `file://${lab.at("deep")}`, "shallow");
    await checkAll("shallow", ["shallow/.git"]);
  });

  test("a chain of alternates", async () => {
    lab.create("first");
    lab.outside(".", "clone", "-q", "--shared", "first", "second");
    lab.write("second/b.txt", "b\n");
    lab.outside("second", "add", ".");
    lab.outside("second", "commit", "-q", "-m", "two");
    lab.outside(".", "clone", "-q", "--shared", "second", "third");
    expect(lab.look("third").objects).toEqual(
      ["third", "second", "first"].map((name) => lab.at(`${name}/.git/objects`)),
    );
    await checkAll("third", ["first/.git", "second/.git", "third/.git"]);
  });

  test("SHA-256", async () => {
    lab.create("long", "--object-format=sha256");
    expect(lab.look("long")).toMatchObject({ hashAlgorithm: "sha256", head: expect.stringMatching(/^[0-9a-f]{64}$/) });
    await checkAll("long", ["long/.git"]);
  });

  test("no commit yet", async () => {
    fs.mkdirSync(lab.at("unborn"));
    lab.outside("unborn", "init", "-q", "-b", "trunk");
    expect(lab.look("unborn")).toMatchObject({ branch: "refs/heads/trunk", head: undefined });
    await checkAll("unborn", ["unborn/.git"]);
  });

  test("a detached HEAD, packed references and a sparse checkout", async () => {
    lab.create("detached");
    lab.write("detached/sub/b.txt", "b\n");
    lab.outside("detached", "add", ".");
    lab.outside("detached", "commit", "-q", "-m", "two");
    lab.outside("detached", "pack-refs", "--all");
    lab.outside("detached", "checkout", "-q", "--detach", "HEAD");
    lab.outside("detached", "sparse-checkout", "set", "nothing");
    expect(lab.look("detached").branch).toBeUndefined();
    await checkAll("detached", ["detached/.git"]);
  });

  test("split index, and a reference that leads to another", async () => {
    lab.create("split");
    lab.outside("split", "update-index", "--split-index");
    lab.outside(".", "clone", "-q", "split", "cloned");
    lab.write("split/a.txt", "staged\n");
    lab.outside("split", "add", ".");
    await checkAll("split", ["split/.git"]);
    await checkAll("cloned", ["cloned/.git"]);
  });

  test("references with hostile names come along when git takes them, and others do not", async () => {
    lab.create("names");
    for (const name of ["--force", "$(touch)", "a;b|c&d", "'quote\"", "ünïcode", "-x", "\u202egnp"])
      lab.outside("names", "update-ref", `refs/heads/${name}`, "HEAD");
    const head = lab.outside("names", "rev-parse", "HEAD").trim();
    fs.writeFileSync(lab.at("names/.git/refs/heads/has space"), `${head}\n`);
    fs.writeFileSync(lab.at("names/.git/refs/heads/broken"), "no hash\n");
    const odd = Buffer.concat([Buffer.from(`${head} refs/heads/latin-`), Buffer.from([0xe9, 0x0a])]);
    fs.writeFileSync(
      lab.at("names/.git/packed-refs"),
      Buffer.concat([odd, Buffer.from(`${head} refs/heads/packed\n`)]),
    );
    fs.symlinkSync(lab.at("names/.git/refs/heads/main"), lab.at("names/.git/refs/heads/link"));
    const opened = await lab.open("names");
    const listed = lab.inside("names", opened, "git for-each-ref --format='%(refname)'").trim().split("\n");
    expect(listed.sort()).toEqual(
      ["main", "packed", "--force", "$(touch)", "a;b|c&d", "'quote\"", "ünïcode", "-x", "\u202egnp"]
        .map((name) => `refs/heads/${name}`)
        .sort(),
    );
    opened.release();
  });
});

describe("repositories in a repository", () => {
  test("submodules, nested clones and nested worktrees work, and their git directories stay as they are", async () => {
    lab.create("library");
    lab.create("super");
    lab.outside("super", "submodule", "--quiet", "add", lab.at("library"), "libs/sub");
    lab.outside("super", "commit", "-q", "-m", "with a submodule");
    lab.outside(".", "clone", "-q", "library", "super/vendor/clone");
    lab.outside("super", "worktree", "add", "-q", "-b", "beside", ".trees/beside");
    expect(lab.look("super").nested).toEqual([".trees/beside/.git", "libs/sub/.git", "vendor/clone/.git"]);
    const places = ["super/.git", "super/vendor/clone/.git"];
    await checkAll("super", places);
    const opened = await lab.open("super");
    const before = places.map((place) => digestOf(lab.at(place)));
    expect(lab.inside("super", opened, "git submodule status")).toMatch(/^ [0-9a-f]{40} libs\/sub \(heads\/main\)/);
    for (const place of ["libs/sub", "vendor/clone", ".trees/beside"]) {
      const script = `cd ${place}; git status --porcelain; echo n > n.txt; git add n.txt; git commit -q -m 'in it'; git log --format=%s`;
      expect(lab.inside("super", opened, script)).toStartWith("in it\n");
    }
    const planting =
      "for d in libs/sub vendor/clone; do mkdir -p $d/.git/hooks 2>/dev/null && echo x > $d/.git/hooks/pre-commit || true; done";
    lab.inside("super", opened, `${planting}; echo y >> .git/config`);
    expect(places.map((place) => digestOf(lab.at(place)))).toEqual(before);
    expect(opened.parts.map(({ repository, isTrusted }) => [repository.top, isTrusted])).toEqual([
      [lab.at("super"), true],
      [lab.at("super/libs/sub"), true],
      [lab.at("super/vendor/clone"), false],
    ]);
    opened.release();
  });

  test("a submodule is a project of its own", async () => {
    lab.create("inner");
    lab.create("outer");
    lab.outside("outer", "submodule", "--quiet", "add", lab.at("inner"), "sub");
    await checkAll("outer/sub", ["outer/.git"]);
  });

  test("a directory of repositories that is none itself", async () => {
    lab.create("many/one");
    lab.create("many/two");
    const before = ["one", "two"].map((name) => digestOf(lab.at(`many/${name}/.git`)));
    const opened = await lab.open("many");
    const script =
      "cd one; echo n > n.txt; git add n.txt; git commit -q -m agent; git log --format=%s; git -C ../two status -s";
    expect(lab.inside("many", opened, script)).toBe("agent\none\n");
    // Where an agent could have made them, the host leaves no mark either.
    expect(["one", "two"].map((name) => digestOf(lab.at(`many/${name}/.git`)))).toEqual(before);
    opened.release();
  });

  test("one that leads out of the project is closed, and shows nothing of where it leads", async () => {
    lab.create("secret");
    lab.create("lured");
    lab.write("lured/trap/.git", `gitdir: ${lab.at("secret/.git")}\n`);
    lab.create("lured/borrows");
    lab.write("lured/borrows/.git/objects/info/alternates", `${lab.at("secret/.git/objects")}\n`);
    lab.create("lured/links");
    fs.rmSync(lab.at("lured/links/.git/hooks"), { recursive: true });
    lab.write("passwords", "top secret");
    fs.symlinkSync(lab.root, lab.at("lured/links/.git/hooks"));
    fs.rmSync(lab.at("lured/links/.git/index"));
    fs.symlinkSync(lab.at("passwords"), lab.at("lured/links/.git/index"));
    const opened = await lab.open("lured");
    expect(opened.mounts.map(({ kind, target }) => `${kind} ${target.slice(lab.at("lured").length)}`)).toContain(
      "mask /borrows/.git",
    );
    expect(JSON.stringify(opened.mounts)).not.toContain(lab.at("secret"));
    expect(lab.inside("lured", opened, "cat trap/.git; ls -a borrows/.git 2>&1 || true")).not.toContain("HEAD");
    expect(
      lab.inside("lured", opened, "ls links/.git/hooks 2>&1 || true; grep -r 'top secret' links || true"),
    ).not.toContain("secret");
    opened.release();
  });
});
