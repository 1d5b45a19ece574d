import { join } from "node:path";
import type { Attack } from "./attack.ts";
import type { Stage } from "./stage.ts";

/** The project's own `.git`: hooks, settings, and what stands in its place. */

const hooks =
  "applypatch-msg pre-applypatch post-applypatch pre-commit pre-merge-commit prepare-commit-msg commit-msg post-commit pre-rebase post-checkout post-merge pre-push reference-transaction push-to-checkout pre-auto-gc post-rewrite post-index-change";

/** A day of the user's. */
const work = `git status; git diff; git log -p -1; git show --stat; echo day >> a.txt; git add -A; git commit -m day
git checkout -q -b side; echo side > side.txt; git add side.txt; git commit -q -m side; git checkout -q -; git merge -q --no-edit side
git rebase -q HEAD~1; git stash list; git fetch -q . ; git push -q . HEAD:refs/heads/pushed; git gc -q --auto; git branch -D side`;

const judgeWork = (stage: Stage): string | undefined => {
  stage.host(work, { mayFail: true });
  // The next start and its import look at the repository as well.
  stage.inside("git commit -q --allow-empty -m next");
  stage.host("git status", { mayFail: true });
  return stage.ran();
};

/** Keys that name programs; PAYLOAD is one. */
const settings = `[core]
	fsmonitor = PAYLOAD
	hooksPath = HOOKS
	pager = PAYLOAD
	editor = PAYLOAD
	askPass = PAYLOAD
	sshCommand = PAYLOAD
	gitProxy = PAYLOAD
	alternateRefsCommand = PAYLOAD
[diff]
	external = PAYLOAD
[diff "x"]
	textconv = PAYLOAD
[filter "x"]
	clean = PAYLOAD
	smudge = PAYLOAD
	required = true
[merge "x"]
	driver = PAYLOAD
[alias]
	st = !PAYLOAD
[credential]
	helper = PAYLOAD
[gpg]
	program = PAYLOAD
[commit]
	gpgSign = true
[sequence]
	editor = PAYLOAD
[include]
	path = INCLUDED
`;

/** Shell words that write those settings into a file. */
const writeSettings = (file: string): string =>
  `sed "s#PAYLOAD#$PWD/payload#;s#HOOKS#$PWD/hooks#;s#INCLUDED#$PWD/included#" >> ${file} <<'END'\n${settings}END\n
mkdir -p hooks; for hook in ${hooks}; do cp payload hooks/$hook; done; printf '[core]\\n\\tfsmonitor = %s\\n' "$PWD/payload" > included`;

export const ownGitAttacks: Attack[] = [
  {
    id: "PE-01",
    attack: "hooks in .git",
    carry(stage) {
      const before = stage.digest(join(stage.project, ".git/hooks"));
      stage.inside(`${stage.payload}; for hook in ${hooks}; do cp payload .git/hooks/$hook; done`);
      const isChanged = stage.digest(join(stage.project, ".git/hooks")) !== before;
      return judgeWork(stage) ?? (isChanged ? "there are other hooks" : undefined);
    },
  },
  {
    id: "PE-01",
    attack: "hooks in the place that the user's own setting names",
    carry(stage) {
      stage.host("git config core.hooksPath .husky; mkdir .husky; git commit -q --allow-empty -m hooks");
      stage.inside(`${stage.payload}; cp payload .husky/pre-commit; cp payload .husky/post-checkout`);
      return stage.unlisted([".husky/post-checkout", ".husky/pre-commit"]);
    },
  },
  {
    id: "PE-02",
    attack: "settings that run programs",
    carry(stage) {
      stage.inside(
        `${stage.payload}; ${writeSettings(".git/config")}; echo '* filter=x diff=x' > .git/info/attributes`,
      );
      return judgeWork(stage);
    },
  },
  {
    id: "PE-03",
    attack: "settings by other files: config.worktree, a lock that becomes the config, info/attributes",
    carry(stage) {
      stage.inside(`${stage.payload}; git config extensions.worktreeConfig true; ${writeSettings(".git/config.worktree")}
cp .git/config .git/config.lock; cat .git/config.worktree >> .git/config.lock; mv .git/config.lock .git/config
echo 'a.txt filter=x diff=x merge=x' > .git/info/attributes; ln -f .git/config .git/config2; mv -f .git/config2 .git/config`);
      return judgeWork(stage);
    },
  },
  {
    id: "PE-06",
    attack: "another .git in the place of the project's: moved, removed, a gitfile, a link",
    carry(stage) {
      stage.inside(`${stage.payload}; git init -q --bare evil.git; ${writeSettings("evil.git/config")}
git --git-dir=evil.git config core.bare false; git --git-dir=evil.git config core.worktree "$PWD"
mv .git aside; rm -rf .git; ln -sn evil.git .git; rm .git; { echo 'gitdir: evil.git'; seq 9000 | sed 's/.*//'; } > .git`);
      return judgeWork(stage);
    },
  },
  {
    id: "PE-06",
    attack: "a padded gitfile, which a bounded parser takes for none",
    carry(stage) {
      // As if it were the user's own: whatever git takes for a repository is guarded.
      stage.host(`mkdir x; git init -q --bare lib.git; git --git-dir=lib.git config core.bare false
{ printf 'gitdir: ../lib.git'; seq 9000 | sed 's/.*//'; } > x/.git; git -C x status`);
      const before = stage.digest(join(stage.project, "lib.git"));
      stage.inside(`${stage.payload}; ${writeSettings("lib.git/config")}; cp payload lib.git/hooks/post-checkout`);
      stage.host("cd x && git status", { mayFail: true });
      return stage.ran() ?? (stage.digest(join(stage.project, "lib.git")) === before ? undefined : "it was written");
    },
  },
  {
    id: "PE-07",
    attack: "commondir leads hooks and settings to the workspace",
    carry(stage) {
      stage.inside(`${stage.payload}; git clone -q --bare . evil.git; ${writeSettings("evil.git/config")}
echo ../evil.git > .git/commondir; mkdir -p .git/worktrees/w; echo "$PWD/evil.git" > .git/worktrees/w/commondir
echo 'ref: refs/heads/main' > .git/worktrees/w/HEAD; echo "$PWD/.git" > .git/worktrees/w/gitdir`);
      return judgeWork(stage);
    },
  },
  {
    id: "PE-07",
    attack: "commondir leads the import to another repository",
    carry(stage) {
      const head = stage.host("git rev-parse HEAD", { at: stage.other }).trim();
      stage.inside(`echo ${stage.other}/.git > .git/commondir`);
      stage.inside("true");
      const found = stage.host(`git cat-file -t ${head} 2>&1`, { mayFail: true });
      return found.trim() === "commit" ? "the other repository's commits came in" : undefined;
    },
  },
  {
    id: "GM-10",
    attack: "core.worktree = $HOME",
    carry(stage) {
      stage.inside(
        `git config core.worktree ${stage.home}; GIT_WORK_TREE=. git rm -q --cached a.txt; echo '# theirs' > .bashrc
GIT_WORK_TREE=. git add -f .bashrc; GIT_WORK_TREE=. git commit -q -m home`,
      );
      stage.host("git checkout -q -f HEAD", { mayFail: true });
      return stage.read(join(stage.home, ".bashrc")) === "# mine\n" ? undefined : "a file of the home was written";
    },
  },
  {
    id: "GM-10",
    attack: "a promised object that ext:: fetches",
    carry(stage) {
      const tree = "1".repeat(40);
      stage.inside(`${stage.payload}
git config extensions.partialClone origin; git config remote.origin.promisor true; git config protocol.ext.allow always
git config remote.origin.url "ext::touch ${stage.marker}"; git update-ref refs/heads/main $(printf 'tree ${tree}\\nauthor A <a@b> 1 +0000\\ncommitter A <a@b> 1 +0000\\n\\nx\\n' | git hash-object -t commit -w --stdin --literally)`);
      stage.host("git log -p main; git status; git fetch", { mayFail: true });
      return stage.ran();
    },
  },
];
