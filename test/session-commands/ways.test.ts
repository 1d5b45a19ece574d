import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import fs from "node:fs";
import { inventory } from "../live/lab.ts";
import { type Desk, isRoot, openDesk, users } from "./desk.ts";

setDefaultTimeout(60_000);

/** What comes into a session, in which form, and that nothing comes out of it by itself. */

const work = "echo two >> a.txt; git commit -qam two; echo three > new.txt; rm sub/s.txt; echo x >> ignored/big";
const fill = `mkdir -p sub ignored; seq 9 > b.txt; echo s > sub/s.txt; echo ignored > .gitignore; echo keep > ignored/big
  git add .; git commit -qm more; seq 10 > b.txt; echo mine > untracked.txt; echo staged > staged.txt; git add staged.txt`;

for (const { name: userName, uid } of users) {
  describe(`what a session sees, as ${userName}`, () => {
    let desk: Desk;
    beforeAll(() => {
      desk = openDesk(uid);
    });
    afterAll(() => desk.close());
    const status = (place: string) => desk.host(place, "git status --porcelain --branch");
    const picture = (place: string) => inventory(desk.at(place), /^\.git(\/(objects|(logs\/)?refs\/cordon)(\/|$)|$)/);

    test("an overlay has everything, changed, untracked and ignored; the host has nothing of it until it is merged", () => {
      desk.create("overlay");
      desk.host("overlay", fill);
      const [before, files] = [status("overlay"), picture("overlay")];
      const done = desk.inside("overlay", "try", `git status --porcelain --branch; cat ignored/big; pwd; ${work}`);
      expect(done.stdout).toBe(`${before}\nkeep\n${desk.at("overlay")}\n`);
      expect(done.stderr).toBe(
        "cordon: session try: 1 commit, 5 changed files, uncommitted work among them\n" +
          "cordon: `cordon diff try` shows it, `cordon merge try` brings it over\n",
      );
      expect(picture("overlay")).toEqual(files);
      expect(desk.json("overlay", "sessions")).toMatchObject([{ name: "try", workspace: "overlay", state: "open" }]);
      expect(desk.inside("overlay", "try", "cat a.txt new.txt ignored/big; ls sub").stdout).toBe(
        "one\ntwo\nthree\nkeep\nx\n",
      );
      expect(desk.say("overlay", "merge", "try")).toStartWith("merged try into main: 2 commits, ");
      expect(status("overlay")).toBe("## main\n?? untracked.txt");
      expect(desk.host("overlay", "cat a.txt new.txt ignored/big; ls; git fsck --strict --no-dangling")).toBe(
        "one\ntwo\nthree\nkeep\na.txt\nb.txt\nignored\nnew.txt\nstaged.txt\nuntracked.txt",
      );
    });

    test("the same work in a live run changes the host at once", () => {
      desk.create("live");
      desk.host("live", fill);
      const files = picture("live");
      expect(desk.cordon("live", ["run", "--net", "none", "--", "sh", "-ec", work]).code).toBe(0);
      expect(picture("live")).not.toEqual(files);
    });

    test("a start in a sub-directory works there, on the same sessions", () => {
      desk.create("top");
      desk.host("top", "mkdir -p sub/deep; echo s > sub/deep/s.txt; git add .; git commit -qm sub");
      const done = desk.inside("top/sub/deep", "try", "pwd; echo more >> s.txt; git commit -qam more");
      expect(done.stdout).toBe(`${desk.at("top/sub/deep")}\n`);
      expect(desk.say("top", "diff", "try", "--stat")).toStartWith(" sub/deep/s.txt | 1 +\n");
      expect(desk.say("top/sub", "diff", "try", "deep", "--stat")).toStartWith(" sub/deep/s.txt | 1 +\n");
      expect(desk.say("top/sub/deep", "merge", "try", "s.txt")).toContain("1 file (chosen files)");
      expect(status("top")).toBe("## main");
    });

    test("without git every file counts, and what was changed outside meanwhile is not lost", () => {
      fs.mkdirSync(desk.at("plain/sub"), { recursive: true });
      for (const name of ["plain/a.txt", "plain/b.txt", "plain/sub/gone", "plain/.gitignore"]) desk.put(name, "one\n");
      const done = desk.inside("plain", "try", "ls -A; echo two >> a.txt; rm -r sub; echo new > new");
      expect(done.stdout).toBe(".gitignore\na.txt\nb.txt\nsub\n");
      desk.put("plain/b.txt", "mine\n");
      expect(desk.json("plain", "diff", "try").files.map(({ path }: { path: string }) => path)).toEqual([
        ...["a.txt", "new", "sub/gone"],
      ]);
      expect(desk.say("plain", "merge", "try")).toStartWith("merged try into your files: 3 files\n");
      expect(fs.readdirSync(desk.at("plain")).sort()).toEqual([".gitignore", "a.txt", "b.txt", "new"]);
      expect(fs.readFileSync(desk.at("plain/a.txt"), "utf8")).toBe("one\ntwo\n");
      expect(fs.readFileSync(desk.at("plain/b.txt"), "utf8")).toBe("mine\n");
      desk.inside("plain", "try", "echo three >> a.txt");
      desk.put("plain/a.txt", "mine\n");
      const refused = desk.cordon("plain", ["merge", "try"]);
      expect(refused).toMatchObject({ code: 1, stdout: "" });
      expect(refused.stderr).toContain("a.txt: both changed the same lines");
      expect(fs.readFileSync(desk.at("plain/a.txt"), "utf8")).toBe("mine\n");
    });

    test.if(isRoot)("a file of somebody else's makes it a copy, with what .worktreeinclude names", () => {
      desk.create("copy");
      desk.host("copy", fill);
      desk.put("copy/.env", "fake\n");
      desk.put("copy/cache/x.o", "o\n");
      desk.put("copy/.gitignore", "ignored\n.env\ncache\n");
      desk.put("copy/.worktreeinclude", ".env\ncache/*.o\n");
      desk.put("copy/foreign.txt", "foreign\n");
      fs.chownSync(desk.at("copy/foreign.txt"), 4321, 4321);
      const before = status("copy");
      const files = picture("copy");
      const done = desk.inside(
        "copy",
        "try",
        "git status --porcelain --branch; ls -A; cat .env cache/x.o; echo x >> foreign.txt; git add .; git commit -qm all",
      );
      expect(done.stderr).toContain("cordon: the session is a copy: foreign.txt belongs to another user or group");
      expect(done.stdout).toStartWith(`${before}\n`);
      expect(done.stdout).not.toMatch(/^ignored$/m);
      expect(done.stdout).toEndWith("fake\no\n");
      expect(picture("copy")).toEqual(files);
      expect(desk.json("copy", "sessions")).toMatchObject([{ workspace: "copy", state: "open", commits: 1 }]);
      desk.host("copy", "git stash -q -u");
      expect(desk.say("copy", "merge", "try")).toStartWith("merged try into main: 1 commit, ");
      expect(desk.host("copy", "cat foreign.txt b.txt | tail -3; git status --porcelain")).toBe("8\n9\n10");
      desk.say("copy", "discard", "try");
      expect(desk.kept("copy")).toEqual([]);
    });
  });
}
