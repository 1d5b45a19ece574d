import { afterAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { describeNeutralised, neutralise } from "../../src/workspace/neutralise.ts";
import { findAppeared, rememberNested } from "../../src/workspace/watch-nested.ts";
import { git, useLab } from "./git-lab.ts";

/** Repositories by which an agent would start a program of its own outside, once somebody uses git there. */

// Before the lab removes itself.
afterAll(() => void spawnSync("chmod", ["-R", "u+rwx", lab.root]));
const lab = useLab();
let count = 0;

const shell = (top: string, script: string): void => {
  const { HOME, PATH } = { HOME: lab.home, PATH: "/usr/local/bin:/usr/bin:/bin" };
  const done = spawnSync("/bin/bash", ["-ec", `${prelude}\n${script}`], { cwd: top, env: { HOME, PATH } });
  if (done.status !== 0) throw new Error(`${script}: ${done.stdout}${done.stderr}`);
};

/** `$trap` names a program that leaves a mark; `made DIR` makes a repository with two commits. */
const prelude = `
  export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@b
  trap=$PWD/trap.sh
  made() { git init -q -b main $1; (cd $1; echo 1 > f; git add f; git commit -qm 1; echo 2 > f; git commit -qam 2); }
  set_in() { git -C $1 config "\${@:2}"; }`;

/** What a prompt, an editor and a user do, each by itself and never for long. */
const uses = [
  ...[
    "git status",
    "git log -p -1",
    "git diff HEAD~1",
    "git show",
    "git add .",
    "git commit -qam x",
    "git checkout -q -b y",
  ],
  ...["git stash", "git fetch -q --all", "git pull -q", "git push -q", "git submodule -q update --init --recursive"],
  ...["git merge -q side", "git rebase --continue", "git blame f", "git st", "git gc -q", "git fetch other"],
];

/** Every directory of it but those of git. */
const everywhere = (top: string): string[] =>
  spawnSync("find", [
    top,
    "-name",
    ".git*",
    "-prune",
    "-o",
    "-name",
    "objects",
    "-prune",
    "-o",
    "-type",
    "d",
    "-print0",
  ])
    .stdout.toString()
    .split("\0")
    .filter(Boolean);

const useAll = (top: string, marks: string): string => {
  for (const cwd of everywhere(top)) {
    const script = `echo changed >> f; for use in ${uses.map((use) => `"${use}"`).join(" ")}; do [ -s $MARKS ] || timeout 5 $use < /dev/null; done`;
    const env = {
      HOME: lab.home,
      PATH: "/usr/local/bin:/usr/bin:/bin",
      MARKS: marks,
      GIT_AUTHOR_NAME: "U",
      GIT_AUTHOR_EMAIL: "u@h",
      GIT_COMMITTER_NAME: "U",
      GIT_COMMITTER_EMAIL: "u@h",
      PAGER: "cat",
      EDITOR: "true",
      GIT_TERMINAL_PROMPT: "0",
      GIT_CONFIG_NOSYSTEM: "1",
    };
    // git starts a pager for a terminal only.
    spawnSync("script", ["-qec", `bash -c '${script}'`, "/dev/null"], { cwd, env, timeout: 60_000, input: "" });
  }
  return fs.existsSync(marks) ? fs.readFileSync(marks, "utf8") : "";
};

const hostile: [what: string, script: string][] = [
  ["a hook", "made n; cp $trap n/.git/hooks/post-checkout"],
  ["a hook that is a link", "made n; ln -s $trap n/.git/hooks/post-checkout"],
  [
    "a directory of hooks that is a link",
    "made n; rm -r n/.git/hooks; mkdir h; cp $trap h/post-checkout; ln -s ../../h n/.git/hooks",
  ],
  [
    "a directory of hooks that cannot be listed",
    "made n; cp $trap n/.git/hooks/post-checkout; chmod 0311 n/.git/hooks",
  ],
  ["core.hooksPath", "made n; mkdir n/h; cp $trap n/h/post-checkout; set_in n core.hooksPath h"],
  ["core.fsmonitor", "made n; set_in n core.fsmonitor $trap"],
  ["core.pager", "made n; set_in n core.pager $trap"],
  ["core.editor", "made n; set_in n core.editor $trap; set_in n alias.st 'commit --amend'"],
  ["core.sshCommand", "made n; set_in n core.sshCommand $trap; git -C n remote add o ssh://127.0.0.1/x"],
  ["a filter", "made n; set_in n filter.x.clean $trap; echo '* filter=x' > n/.gitattributes"],
  ["a text converter", "made n; set_in n diff.x.textconv $trap; echo '* diff=x' > n/.git/info/attributes"],
  ["an external diff", "made n; set_in n diff.external $trap"],
  [
    "a merge driver",
    "made n; git -C n checkout -qb side HEAD~1; echo 3 > n/f; git -C n commit -qam 3; git -C n checkout -q main; set_in n merge.x.driver $trap; echo '* merge=x' > n/.git/info/attributes",
  ],
  ["an alias", "made n; set_in n alias.st '!'$trap"],
  ["an alias of git with a setting", 'made n; set_in n alias.st "-c core.fsmonitor=$trap status"'],
  ["an include", 'made n; echo "[core] fsmonitor = $trap" > n/x; set_in n include.path ../x'],
  [
    "settings of a working tree",
    "made n; set_in n extensions.worktreeConfig true; set_in n --worktree core.fsmonitor $trap",
  ],
  [
    "a configuration that is a link",
    "made n; set_in n core.fsmonitor $trap; mv n/.git/config n/c; ln -s ../c n/.git/config",
  ],
  ["a signing program", "made n; set_in n gpg.program $trap; set_in n commit.gpgsign true"],
  [
    "a rebase that goes on with a command",
    "made n; GIT_SEQUENCE_EDITOR=\"printf 'break\\nexec $trap\\n' >\" git -C n rebase -qi HEAD~1",
  ],
  [
    "a link to a git directory",
    "made gd; set_in gd core.fsmonitor $trap; mv gd/.git gd/g; mkdir n; ln -s ../gd/g n/.git",
  ],
  [
    "a gitfile to one",
    "made gd; set_in gd core.fsmonitor $trap; mv gd/.git gd/g; mkdir n; echo 'gitdir: ../gd/g' > n/.git",
  ],
  [
    "a gitfile with thousands of line ends",
    "made gd; set_in gd core.fsmonitor $trap; mv gd/.git gd/g; mkdir n; (echo 'gitdir: ../gd/g'; yes '' | head -9000) > n/.git",
  ],
  ["commondir", "made gd; set_in gd core.fsmonitor $trap; mv gd/.git gd/g; made n; echo ../../gd/g > n/.git/commondir"],
  [
    "a submodule",
    "made s; git -c protocol.file.allow=always clone -q s n; git -C n -c protocol.file.allow=always submodule -q add $PWD/s sub; set_in n/sub core.fsmonitor $trap",
  ],
  [
    "the settings of another working tree",
    "made n; git -C n worktree add -q ../w; set_in n extensions.worktreeConfig true; set_in w --worktree core.fsmonitor $trap",
  ],
  [
    "a working tree that borrows elsewhere",
    "made n; git -C n worktree add -q ../w; made gd; set_in gd core.fsmonitor $trap; mv gd/.git gd/g; echo $PWD/gd/g > n/.git/worktrees/w/commondir",
  ],
  [
    "a submodule's directory that is a link",
    "made n; made gd; set_in gd core.fsmonitor $trap; mv gd/.git gd/g; mkdir n/.git/modules n/sub; ln -s ../../../gd/g n/.git/modules/sub; echo 'gitdir: ../.git/modules/sub' > n/sub/.git",
  ],
  [
    "a local remote that has hooks",
    "made r; git clone -q --bare r b; rm -rf r; cp $trap b/hooks/pre-receive; made n; git -C n remote add origin $PWD/b; set_in n push.default current",
  ],
  [
    "a git that nobody may write to",
    "made n; set_in n core.fsmonitor $trap; cp $trap n/.git/hooks/post-checkout; chmod 0555 n/.git n",
  ],
];

describe("what a sandbox has left", () => {
  test.each(hostile)(
    "%s: runs outside at once, and not once it is neutralised",
    async (what, script) => {
      const marks = (kind: string) => path.join(lab.root, `marks-${count}-${kind}`);
      const make = () => {
        const top = path.join(lab.root, `p${count++}`);
        fs.mkdirSync(top);
        fs.writeFileSync(path.join(top, "trap.sh"), '#!/bin/sh\necho "$0" >> "$MARKS"\n', {
          mode: 0o755,
        });
        const before = rememberNested(top, []);
        shell(top, script);
        return { top, before };
      };
      const open = make();
      expect([what, useAll(open.top, marks("open"))]).not.toEqual([what, ""]);

      const { top, before } = make();
      const { entries } = findAppeared(before);
      expect(entries.length).toBeGreaterThan(0);
      const done = await neutralise({ root: top, git, trusted: [] }, entries);
      expect(done.flatMap(({ problem }) => problem ?? [])).toEqual([]);
      expect(done.flatMap(({ changes }) => changes).length).toBeGreaterThan(0);
      for (const one of done) expect(describeNeutralised(one)).toMatch(/^[\x20-\x7e]+$/);
      expect([what, useAll(top, marks("closed"))]).toEqual([what, ""]);
      // A second time there is nothing left to do, except that what was set aside is set aside.
      const again = await neutralise({ root: top, git, trusted: [] }, findAppeared(before).entries);
      expect(again.flatMap(({ changes }) => changes)).toEqual([]);
    },
    120_000,
  );
});
