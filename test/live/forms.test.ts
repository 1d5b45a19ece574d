import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createLiveLab, hintsIn, type LiveLab, users } from "./lab.ts";

setDefaultTimeout(60_000);

const commit = (file: string): string => `echo ${file} > ${file}; git add ${file}; git commit -q -m ${file}`;

/** Repositories that are not as the usual one. */
for (const { name: userName, uid } of users) {
  describe(`forms of repositories, as ${userName}`, () => {
    let lab: LiveLab;
    beforeAll(() => {
      lab = createLiveLab(uid);
      lab.create("source");
      lab.host(
        "source",
        "mkdir -p x y; for n in 1 2 3; do seq $n > x/f$n; seq $n > y/f$n; git add .; git commit -qm $n; done",
      );
      lab.host("source", "git config uploadpack.allowFilter true; git config uploadpack.allowAnySHA1InWant true");
    });
    afterAll(() => lab.close());
    const state = (place: string) => lab.host(place, "git log --format=%s -2; git status --porcelain --branch");
    const isWhole = (place: string) => lab.host(place, "git fsck --strict --no-dangling --connectivity-only");

    test("HEAD without a branch moves on", () => {
      lab.create("detached");
      lab.host("detached", "git checkout -q --detach; echo dirty >> a.txt");
      const done = lab.inside("detached", `git status -sb; ${commit("b")}`);
      expect(done.stdout).toBe("## HEAD (no branch)\n M a.txt\n");
      expect(state("detached")).toBe("b\none\n## HEAD (no branch)\n M a.txt");
      expect(lab.host("detached", "git log -1 --format=%s main")).toBe("one");
    });

    test("a first commit", () => {
      lab.host(".", "git init -q unborn; cd unborn; echo s > staged; git add staged; echo u > untracked");
      const done = lab.inside("unborn", "git status --porcelain --branch; git commit -qm first");
      expect(done.stdout).toBe("## No commits yet on main\nA  staged\n?? untracked\n");
      expect(hintsIn(done.stderr)).toEqual([]);
      expect(state("unborn")).toBe("first\n## main\n?? untracked");
      lab.host(".", "git init -q fresh");
      lab.inside("fresh", commit("b"));
      expect(state("fresh")).toBe("b\n## main");
    });

    test("a first commit, while the host makes one of its own", async () => {
      lab.host(".", "git init -q both");
      const run = lab.start("both", `${commit("b")}; pause here`);
      await run.reached("here");
      lab.host("both", commit("h"));
      run.resume();
      expect(await run.ended).toBe(0);
      lab.host("both", hintsIn(run.stderr())[0]!);
      expect(lab.host("both", "git status --porcelain; git log --format=%s | sort | tail -2; ls")).toBe("b\nh\nb\nh");
    });

    test("sha256", () => {
      lab.create("sha256", "--object-format=sha256");
      lab.inside("sha256", `${commit("b")}; git stash list; git switch -qc feat; ${commit("c")}; git switch -q main`);
      expect(state("sha256")).toBe("b\none\n## main");
      expect(lab.host("sha256", "git log -1 --format=%s feat; git rev-parse HEAD | wc -c")).toBe("c\n65");
      expect(isWhole("sha256")).toBe("");
    });

    test("a shallow clone", () => {
      lab.host(".", "git clone -q --depth 1 file://$PWD/source shallow");
      const done = lab.inside("shallow", `git log --format=%s; ${commit("b")}; git rev-parse --is-shallow-repository`);
      expect(done.stdout).toBe("3\ntrue\n");
      expect(state("shallow")).toBe("b\n3\n## main...origin/main [ahead 1]");
      expect(isWhole("shallow")).toBe("");
      lab.host("shallow", "git fetch -q --unshallow");
      expect(lab.inside("shallow", "git rev-list --count HEAD; git fsck --no-dangling").stdout).toBe("5\n");
    });

    test.each(["", "--sparse-index"])("a sparse checkout %s", (option) => {
      const place = `sparse${option.length}`;
      lab.host(".", `git clone -q source ${place}; cd ${place}; git sparse-checkout set --cone ${option} x`);
      lab.inside(place, `ls; git status --porcelain; ${commit("x/new")}; echo 9 > x/f1; git commit -qam changed`);
      expect(state(place)).toBe("changed\nx/new\n## main...origin/main [ahead 2]");
      expect(lab.host(place, "ls; git ls-files -t y/f1")).toBe("a.txt\nx\nS y/f1");
      expect(lab.host(place, "git sparse-checkout disable; ls y")).toBe("f1\nf2\nf3");
    });

    test("a partial clone, in which objects are missing", () => {
      lab.host(".", "git clone -q --filter=blob:none file://$PWD/source partial");
      lab.inside("partial", `git log --format=%s; ${commit("b")}; echo 7 > x/f1; git commit -qam changed`);
      expect(state("partial")).toBe("changed\nb\n## main...origin/main [ahead 2]");
      expect(lab.host("partial", "git show main~4:x/f1")).toBe("1");
    });

    test("packed refs, many of them, and a gc in between", async () => {
      lab.create("packed");
      lab.host("packed", "for n in $(seq 300); do echo create refs/heads/many/b$n HEAD; done | git update-ref --stdin");
      lab.host(
        "packed",
        "for n in $(seq 300); do echo create refs/tags/t$n HEAD; done | git update-ref --stdin; git gc -q",
      );
      const run = lab.start(
        "packed",
        `git branch -D many/b1 >/dev/null; git branch many/new; ${commit("b")}; pause here`,
      );
      await run.reached("here");
      lab.host("packed", "git gc -q --prune=now; git pack-refs --all");
      run.resume();
      expect(await run.ended).toBe(0);
      expect(state("packed")).toBe("b\none\n## main");
      // What was deleted inside is the host's to delete.
      expect(lab.host("packed", "git branch --list 'many/*' | wc -l; git tag | wc -l")).toBe("301\n300");
      expect(lab.inside("packed", "git branch --list 'many/*' | wc -l").stdout).toBe("300\n");
    });

    test("objects that a clone borrows, also while nothing else holds them", async () => {
      lab.host(
        ".",
        "git clone -q --shared source borrows; cd borrows; git branch -q only HEAD~1; git commit -q --allow-empty -m own",
      );
      const run = lab.start(
        "borrows",
        `git log --format=%s | wc -l; ${commit("b")}; pause here; git fsck --no-dangling`,
      );
      await run.reached("here");
      lab.host("borrows", "git branch -q -D only; git reflog expire --expire=now --all; git gc -q --prune=now");
      run.resume();
      expect(await run.ended).toBe(0);
      expect(run.stdout()).toBe("5\nat here\n");
      expect(state("borrows")).toBe("b\nown\n## main...origin/main [ahead 2]");
    });

    test("a commit that the host forgets in mid-run is still there inside", async () => {
      lab.create("forgets");
      lab.host("forgets", `${commit("gone")}; git branch keep HEAD~1`);
      const run = lab.start("forgets", "pause here; git log --format=%s; git fsck --no-dangling");
      await run.reached("here");
      lab.host("forgets", "git reset -q --hard keep; git reflog expire --expire=now --all; git gc -q --prune=now");
      run.resume();
      expect(await run.ended).toBe(0);
      expect(run.stdout()).toBe("at here\ngone\none\n");
    });

    test("another repository at the place of an old one", () => {
      lab.create("again");
      lab.inside("again", `${commit("b")}; git switch -qc feat; ${commit("c")}`);
      lab.host(".", "rm -rf again");
      lab.create("again");
      lab.host("again", "git commit -q --allow-empty -m new");
      const done = lab.inside(
        "again",
        `git log --all --format=%s; git status -sb; git fsck --no-dangling; ${commit("d")}`,
      );
      expect(done.stdout).toBe("new\none\n## main\n");
      expect(done.stderr).toContain("is another repository than before");
      expect(state("again")).toBe("d\nnew\n## main");
      expect(lab.inside("again", "true").stderr).toBe("");
    });
  });
}
