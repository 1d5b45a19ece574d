import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { createLiveLab, inventory, type LiveLab, users } from "./lab.ts";

setDefaultTimeout(60_000);

const commit = (file: string): string => `echo ${file} > ${file}; git add ${file}; git commit -q -m ${file}`;

/** Where a project may lie, what it may be called, and what is no repository. */
for (const { name: userName, uid } of users) {
  describe(`places, as ${userName}`, () => {
    let lab: LiveLab;
    beforeAll(() => {
      lab = createLiveLab(uid);
    });
    afterAll(() => lab.close());
    const state = (place: string) => lab.host(place, "git log --format=%s -2; git status --porcelain --branch");

    const names = [
      "a b",
      "naïve–日本",
      "-rf",
      "a:b;c",
      'quo"te',
      "it's",
      "back\\slash",
      "per%cent$HOME",
      "a\tb",
      "*?[x]",
      "~",
      " ",
    ];
    let number = 0;
    test.each(names)("a project called %j", (name) => {
      lab.create(path.join("odd", name));
      const place = path.join("odd", name);
      const done = lab.inside(place, `git status --porcelain; ${commit("b")}; git stash list; pwd`);
      expect(done.stdout).toBe(`${lab.at(place)}\n`);
      expect(state(place)).toBe("b\none\n## main");
      // The name of its object store now stands in another's, where some of these are quoted.
      if (!/[:"\\\t]/.test(name)) return;
      lab.host(place, `git clone -q --shared . ${lab.at(`borrows${number}`)}`);
      lab.inside(`borrows${number}`, commit("c"));
      expect(lab.host(`borrows${number++}`, "git log -1 --format=%s")).toBe("c");
    });

    test("a directory without git", () => {
      lab.host(".", "mkdir plain; echo a > plain/a");
      const done = lab.inside("plain", "git status 2>&1 || true; echo b > b; ls -A");
      expect(done.stdout).toMatch(/^fatal: not a git repository[\s\S]*\na\nb\n$/);
      expect(done.stderr).toBe("");
      expect(fs.readdirSync(lab.at("plain")).sort()).toEqual(["a", "b"]);
    });

    test("a repository that is made inside is told of once", () => {
      lab.host(".", "mkdir empty");
      const done = lab.inside("empty", `git init -q; ${commit("b")}`);
      expect(done.stderr).toBe("cordon: new git repositories, with nothing in them that git would run: .git\n");
      expect(state("empty")).toBe("b\n## main");
    });

    test("home as a repository is nobody's project, nor is what lies in it a part of it", () => {
      lab.host("home", "git init -q; echo x > dotfile; git add dotfile; git commit -qm dotfiles; mkdir -p code/thing");
      const before = inventory(lab.at("home/.git"));
      const done = lab.inside("home/code/thing", "git status 2>&1 || true; echo b > b; ls -A; ls -A ..");
      expect(done.stdout).toMatch(/^fatal: not a git repository[\s\S]*\nb\nthing\n$/);
      expect(lab.cordon("home", ["run", "true"])).toMatchObject({
        code: 125,
        stderr: expect.stringContaining("home directory"),
      });
      expect(inventory(lab.at("home/.git"))).toEqual(before);
      lab.host("home", "rm -rf .git");
    });

    test("nor is a repository around home", () => {
      lab.host(".", "git init -q; mkdir beside");
      const done = lab.inside("beside", "git status 2>&1 || true; ls -A ..");
      expect(done.stdout).toMatch(/^fatal: not a git repository[\s\S]*\nbeside\nhome\n$/);
      lab.host(".", "rm -rf .git");
    });

    test("a `.git` that is a link is refused in clear words", () => {
      lab.create("target");
      lab.host(".", "mkdir link; ln -s ../target/.git link/.git; echo x > link/x");
      const before = inventory(lab.at("target"));
      const done = lab.cordon("link", ["run", "--net", "none", "--", "true"]);
      expect(done.code).toBe(125);
      expect(done.stderr).toMatch(/\.git.*link/);
      expect(done.stderr).toContain("\nhint: ");
      expect(inventory(lab.at("target"))).toEqual(before);
    });

    test("a repository that cannot be read is refused in clear words", () => {
      lab.create("broken");
      lab.host("broken", "echo nonsense > .git/HEAD");
      const done = lab.cordon("broken", ["run", "--net", "none", "--", "true"]);
      expect(done).toMatchObject({ code: 125, stderr: expect.stringContaining("\nhint: ") });
    });

    test("where git is missing, `.git` is out of reach", () => {
      lab.create("nogit");
      const before = inventory(lab.at("nogit"));
      lab.host(
        ".",
        "mkdir bin; for n in sh ls cat touch mkdir rm bwrap env setpriv id; do ln -s $(command -v $n) bin/$n; done",
      );
      const kept = lab.env["PATH"];
      lab.setPath(lab.at("bin"));
      const script = "ls -A .git || true; touch .git/x || true; mkdir .git/y || true; rm -rf .git || true";
      const done = lab.inside("nogit", `${script}; echo here`);
      lab.setPath(kept!);
      expect(done.stdout).toBe("here\n");
      expect(inventory(lab.at("nogit"))).toEqual(before);
    });
  });
}
