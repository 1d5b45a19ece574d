import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import fs from "node:fs";
import { createLiveLab, type LiveLab, users } from "./lab.ts";

setDefaultTimeout(60_000);

/** Words of a hook that say in a file beside the project where it ran, and to the agent that it did. */
const tell = (name: string): string => `echo "${name} \${CORDON_SANDBOX:+inside}" | tee -a .hooks-ran >&2`;

/** Every hook that git has on the side of who commits, fetches or checks out (githooks(5)). */
const allHooks = [
  ...["applypatch-msg", "commit-msg", "fsmonitor-watchman", "post-applypatch", "post-checkout", "post-commit"],
  ...[
    "post-index-change",
    "post-merge",
    "post-receive",
    "post-rewrite",
    "post-update",
    "pre-applypatch",
    "pre-auto-gc",
  ],
  ...["pre-commit", "pre-merge-commit", "pre-push", "pre-rebase", "pre-receive", "prepare-commit-msg", "proc-receive"],
  ...["reference-transaction", "sendemail-validate", "update"],
];

/** As `git lfs install` writes them. */
const lfsHook = (name: string): string => `#!/bin/sh
command -v git-lfs >/dev/null 2>&1 || { echo >&2 "This repository is configured for Git LFS but 'git-lfs' was not found on your path."; exit 2; }
git lfs ${name} "$@"`;

for (const { name: userName, uid } of users) {
  describe(`hooks, as ${userName}`, () => {
    let lab: LiveLab;
    beforeAll(() => {
      lab = createLiveLab(uid);
    });
    afterAll(() => lab.close());
    const hook = (place: string, file: string, text: string) => {
      lab.host(place, `mkdir -p "$(dirname ${file})"; cat > ${file} <<'END'\n${text}\nEND\nchmod +x ${file}`);
    };
    const ran = (place: string): string[] =>
      fs.existsSync(lab.at(place, ".hooks-ran"))
        ? fs.readFileSync(lab.at(place, ".hooks-ran"), "utf8").trim().split("\n")
        : [];
    const commit = (file: string) => `echo ${file} > ${file}; git add ${file}; git commit -q -m ${file}`;

    test("those of the repository run inside, and none on the host", () => {
      lab.create("own");
      for (const name of allHooks) hook("own", `.git/hooks/${name}`, `#!/bin/sh\n${tell(name)}`);
      lab.host("own", "rm -f .hooks-ran; echo .hooks-ran > .git/info/exclude");
      const done = lab.inside("own", `${commit("b")}; git switch -qc feat; git switch -q main; git stash list`);
      expect(done.stderr).toContain("pre-commit inside");
      expect(ran("own")).toContain("reference-transaction inside");
      expect(ran("own").filter((line) => !line.endsWith(" inside"))).toEqual([]);
      expect(lab.host("own", "git log --format=%s")).toBe("b\none");
      // The host's own git does run them: what stands above can fail.
      lab.host("own", "git branch outside");
      expect(ran("own").at(-1)).toBe("reference-transaction");
    });

    test("a pre-commit hook that refuses keeps the commit from being made", () => {
      lab.create("refuses");
      hook("refuses", ".git/hooks/pre-commit", "#!/bin/sh\n! grep -rn TODO --include='*.txt' . >&2");
      const script = `echo TODO > b.txt; git add b.txt; if git commit -qm b 2>said; then exit 9; fi; cat said`;
      expect(lab.inside("refuses", script).stdout).toContain("b.txt:1:TODO");
      expect(lab.host("refuses", "git log --format=%s")).toBe("one");
      lab.inside("refuses", "echo done > b.txt; git add b.txt; git commit -qm b");
      expect(lab.host("refuses", "git log --format=%s")).toBe("b\none");
    });

    test("husky's, which stand in the project", () => {
      lab.create("husky");
      hook(
        "husky",
        ".husky/_/h",
        `#!/usr/bin/env sh\nn=$(basename "$0")\ns=$(dirname "$(dirname "$0")")/$n\nsh -e "$s" "$@"`,
      );
      hook("husky", ".husky/_/pre-commit", `#!/usr/bin/env sh\n. "$(dirname "$0")/h"`);
      hook("husky", ".husky/pre-commit", `${tell("husky")}\necho formatted > a.txt\ngit add a.txt`);
      lab.host(
        "husky",
        "echo '*' > .husky/_/.gitignore; git add .; git commit -qm husky; git config core.hooksPath .husky/_",
      );
      lab.inside("husky", commit("b"));
      expect(lab.host("husky", "git show --format=%s --name-only")).toBe("b\n\na.txt\nb");
      expect(ran("husky")).toEqual(["husky inside"]);
      // What the agent writes into the hook is told.
      const done = lab.inside("husky", "echo 'touch pwned' >> .husky/pre-commit");
      expect(done.stderr).toContain(".husky/pre-commit");
    });

    test("those of pre-commit, which look for their program and their settings", () => {
      lab.create("framework");
      hook("framework", "tools/pre-commit", `#!/bin/sh\n${tell("framework")}\necho "$@" >> .arguments`);
      const text = `#!/usr/bin/env bash
INSTALL_PYTHON=${lab.at("framework/tools/missing")}
ARGS=(hook-impl --config=.pre-commit-config.yaml --hook-type=pre-commit)
HERE="$(cd "$(dirname "$0")" && pwd)"
ARGS+=(--hook-dir "$HERE" -- "$@")
if [ -x "$INSTALL_PYTHON" ]; then exec "$INSTALL_PYTHON" -mpre_commit "\${ARGS[@]}"
elif command -v pre-commit > /dev/null; then exec pre-commit "\${ARGS[@]}"
elif [ -x tools/pre-commit ]; then exec tools/pre-commit "\${ARGS[@]}"
else echo '\`pre-commit\` not found.' 1>&2; exit 1; fi`;
      hook("framework", ".git/hooks/pre-commit", text);
      lab.inside("framework", commit("b"));
      expect(fs.readFileSync(lab.at("framework/.arguments"), "utf8")).toContain(
        `--hook-dir ${lab.at("framework/.git/hooks")} --`,
      );
      expect(ran("framework")).toEqual(["framework inside"]);
      expect(lab.host("framework", "git log --format=%s")).toBe("b\none");
    });

    test("those of git-lfs, where git-lfs is missing", () => {
      lab.create("lfs");
      for (const name of ["pre-push", "post-checkout", "post-commit", "post-merge"])
        hook("lfs", `.git/hooks/${name}`, lfsHook(name));
      const filter = [
        "clean 'git-lfs clean -- %f'",
        "smudge 'git-lfs smudge -- %f'",
        "process 'git-lfs filter-process'",
      ];
      for (const one of [...filter, "required true"]) lab.host("lfs", `git config filter.lfs.${one}`);
      lab.host(
        "lfs",
        "echo '*.bin filter=lfs diff=lfs merge=lfs -text' > .gitattributes; git add .; git commit -qm lfs 2>/dev/null",
      );
      const done = lab.inside("lfs", `command -v git-lfs && exit 9; ${commit("b")}; git log -1 --format=%s`);
      expect(done).toMatchObject({ stdout: "b\n", stderr: expect.stringContaining("git-lfs' was not found") });
      expect(lab.host("lfs", "git log -1 --format=%s; git status --porcelain --branch")).toBe("b\n## main");
    });

    test("a hook that is a link, and one of another place by an absolute path", () => {
      lab.create("linked");
      hook("linked", "tools/check", `#!/bin/sh\n${tell("check")}`);
      lab.host("linked", "ln -s ../../tools/check .git/hooks/pre-commit");
      lab.inside("linked", commit("b"));
      expect(ran("linked")).toEqual(["check inside"]);
      lab.host(
        "linked",
        `mkdir ../place; cp tools/check ../place/pre-commit; sed -i s/check/place/ ../place/pre-commit`,
      );
      lab.host("linked", `git config core.hooksPath ${lab.at("place")}`);
      lab.inside("linked", commit("c"));
      expect(ran("linked").at(-1)).toBe("place inside");
    });

    test("a hook that the agent makes is not on the host, and is still there for the next run inside", () => {
      lab.create("made");
      lab.inside("made", "printf '#!/bin/sh\\necho mine >&2' > .git/hooks/pre-commit; chmod +x .git/hooks/pre-commit");
      expect(fs.existsSync(lab.at("made/.git/hooks/pre-commit"))).toBe(false);
      expect(lab.inside("made", commit("b")).stderr).toContain("mine\n");
    });
  });

  describe(`who commits, as ${userName}`, () => {
    let lab: LiveLab;
    beforeAll(() => {
      lab = createLiveLab(uid);
    });
    afterAll(() => lab.close());
    const commit = "git commit -q --allow-empty -m b; git tag -a -m t v1; git log -1 --format='%an <%ae> %cn %G?'";

    test("a host that signs everything does not make it fail", () => {
      lab.create("signs");
      const signing = ["commit.gpgsign true", "tag.gpgsign true", "gpg.format ssh", "user.signingkey /nowhere/key.pub"];
      for (const one of signing) lab.host("signs", `git config --global ${one}; git config ${one}`);
      expect(() => lab.host("signs", "git commit -q --allow-empty -m x")).toThrow();
      expect(lab.inside("signs", commit).stdout).toBe("Ada <ada@example.org> Ada N\n");
      expect(lab.host("signs", "git log -1 --format=%s; git cat-file -t v1")).toBe("b\ntag");
      for (const one of signing) lab.host("signs", `git config --global --unset ${one.split(" ")[0]}`);
    });

    test("the name may stand in the repository, in an included file, or for some directories only", () => {
      lab.create("named");
      lab.host("named", "git config user.name Local");
      expect(lab.inside("named", commit).stdout).toBe("Local <ada@example.org> Local N\n");
      lab.create("included");
      lab.host("home", "printf '[user]\\n name = Work\\n email = w@example.org\\n' > work.inc");
      lab.host("home", `git config --global includeIf.gitdir:${lab.at("included")}/.path ~/work.inc`);
      expect(lab.inside("included", commit).stdout).toBe("Work <w@example.org> Work N\n");
    });
  });
}
