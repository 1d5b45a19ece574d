import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Attack } from "./attack.ts";
import type { Stage } from "./stage.ts";

/** What the next start, and the end of a run, find in a project that an agent has laid out for them. */

/** Places that host code reads or writes in a project and in a git directory. */
const inProject =
  "package.json pkg/package.json .vscode/settings.json .cordon.toml .worktreeinclude .gitignore .gitattributes .mcp.json CLAUDE.md .env .envrc .claude/settings.json";
const inGit =
  "config HEAD index packed-refs info/exclude info/attributes info/sparse-checkout shallow objects/info/alternates logs/HEAD logs/refs/stash hooks/pre-commit MERGE_HEAD config.worktree description";

/** The next start works: it can write, and sees the files. */
const isLockedOut = (stage: Stage): string | undefined => {
  stage.naive("[ -e locked ] && rm -f a.txt");
  const { code, stdout } = stage.inside("cat a.txt && echo more > more.txt");
  if (code === 0 && stdout.includes("one") && existsSync(join(stage.project, "more.txt"))) return undefined;
  return `the next start: ${code} ${stage.said.slice(-300)}`;
};

/** A guard that covers whatever a `.git` names. */
const naiveGuard = `for git in */.git; do place=$(realpath -m "$(dirname $git)/$(sed -n 's/^gitdir: //p' $git 2>&1)"); [ "$place" = "$PWD" ] && touch locked; done
for git in */.git; do [ -L $git ] && [ "$(realpath $git)" = "$PWD" ] && touch locked; done`;

const lockOut = (attack: string, script: string, naive = naiveGuard, more: Partial<Attack> = {}): Attack => ({
  id: "FS-23",
  attack: `the next start is locked out by ${attack}`,
  carry(stage) {
    stage.inside(script);
    stage.naive(naive);
    return isLockedOut(stage);
  },
  ...more,
});

/** A process that nobody has waited for yet is dead all the same. */
const isAlive = (pid: string): boolean => {
  try {
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
};

export const startAttacks: Attack[] = [
  {
    id: "FS-08",
    attack: "links to a secret where host programs read: the look at changes, settings, the git directory",
    carry(stage) {
      const secret = join(stage.home, "secret.json");
      stage.write(secret, `{"scripts":{"${stage.canary}":"x"},"${stage.canary}":1}\n`);
      stage.inside(`for name in ${inProject}; do mkdir -p $(dirname $name); rm -f $name; ln -s ${secret} $name; done
for name in ${inGit}; do mkdir -p .git/$(dirname $name); rm -f .git/$name; ln -s ${secret} .git/$name; done; mkdir -p .git/refs/heads; ln -s ${secret} .git/refs/heads/x`);
      stage.cordon(["config", "show"]);
      stage.cordon(["policy", "explain", "path", "package.json"]);
      stage.inside("cat .git/config .git/HEAD .git/info/* package.json 2>&1; git status; git log; git stash list");
      stage.naive(`cat package.json`);
      return stage.said.includes(stage.canary) ? "the secret was shown" : undefined;
    },
  },
  {
    id: "FS-08",
    attack: "links to directories of the home where host programs look around",
    carry(stage) {
      stage.write(join(stage.home, `${stage.canary}/.git/config`), "mine\n");
      const at = join(stage.home, stage.canary);
      const before = stage.digest(at);
      stage.inside(`for name in vendor .vscode node_modules .github pkg; do ln -s ${at} $name; done; for name in info hooks refs logs objects/pack modules worktrees; do
rm -rf .git/$name; ln -s ${stage.home} .git/$name; done`);
      stage.naive("ls vendor/.git/config && rm vendor/.git/config");
      stage.host(
        "git config core.eol lf; mkdir -p .git/info; echo '*.o' > .git/info/exclude; git commit -q --allow-empty -m more",
      );
      stage.inside("true");
      return stage.digest(at) === before ? undefined : "it was written into";
    },
  },
  {
    id: "FS-22",
    attack: "links in the private git directory, into which the next start copies hooks, settings and refs",
    carry(stage) {
      stage.write(join(stage.home, "home/hooks/x"), "mine\n");
      const at = join(stage.home, "home");
      const before = stage.digest(at);
      stage.inside(`mkdir -p .git/info; for name in info hooks refs refs/heads logs objects/info; do rm -rf .git/$name; mkdir -p .git/$(dirname $name); ln -s ${at} .git/$name; done
for name in config HEAD index packed-refs; do rm -f .git/$name; ln -s ${at}/hooks/x .git/$name; done`);
      stage.naive("echo '*.o' > .git/info/exclude; echo '[core]' > .git/config");
      if (!stage.isBare)
        stage.host(`printf '#!/bin/sh\\n' > .git/hooks/pre-commit; chmod +x .git/hooks/pre-commit; mkdir -p .git/info; echo '*.o' > .git/info/exclude
git config core.eol lf; git branch more; git pack-refs --all; echo s >> a.txt; git add a.txt; git commit -q --no-verify -m more`);
      stage.inside("git status");
      return stage.digest(at) === before ? undefined : "a file of the home was written";
    },
  },
  lockOut(
    "a git directory that is the whole project",
    "mkdir x objects refs; echo 'ref: refs/heads/main' > HEAD; echo 'gitdir: ..' > x/.git",
  ),
  lockOut("a .git that leads to the project", "mkdir x; ln -s .. x/.git; ln -s . y; ln -s .git/.git z"),
  lockOut(
    "pipes, sockets and circles called .git",
    "mkdir a b c d; mkfifo a/.git; ln -s .git b/.git; ln -s ../d/.git c/.git; ln -s ../c/.git d/.git; python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"s.git\")'; mkdir e; mv s.git e/.git",
    "timeout 2 cat a/.git || touch locked",
  ),
  lockOut(
    "closed directories and git directories",
    "mkdir -p a/.git/objects b/c/.git d; echo 'ref: refs/heads/main' > a/.git/HEAD; chmod 000 a/.git b d; mkdir -p e/.git; chmod 000 e/.git",
    "find . -name HEAD > /dev/null || touch locked",
    { isForUser: true },
  ),
  {
    id: "CF-15",
    attack: "two runs at once, both killed: processes, mounts, locks, and the work of each",
    async carry(stage) {
      const nap = `12${stage.base.charCodeAt(stage.base.length - 1)}.${process.pid}`;
      const words = (name: string) => {
        const script = `git update-ref refs/heads/${name} $(git commit-tree -p HEAD -m ${name} HEAD^{tree}); touch ${name}; exec sleep ${nap}`;
        const shell = ["sh", "-c", script];
        return stage.isBare ? shell : [stage.boundary.cordon!, "run", "--net", "none", "--", ...shell];
      };
      const children = ["first", "second"].map((name) => {
        const { argv, env } = stage.command(words(name));
        return spawn(argv[0]!, argv.slice(1), { cwd: stage.project, env, stdio: "ignore", detached: true });
      });
      const names = ["first", "second"].map((name) => join(stage.project, name));
      for (let tries = 0; tries < 400 && !names.every(existsSync); tries++) await Bun.sleep(50);
      const inside = stage
        .host(`ps -eo pid,args | grep '[s]leep ${nap}' | awk '{print $1}'`)
        .split("\n")
        .filter(Boolean);
      // Whoever kills the program kills it alone; without a boundary that is the shell that started the agent.
      for (const child of children) process.kill(child.pid!, "SIGKILL");
      await Bun.sleep(500);
      const alive = inside.filter((pid) => isAlive(pid) && !children.some((one) => `${one.pid}` === pid));
      for (const pid of alive) process.kill(Number(pid), "SIGKILL");
      if (stage.isBare)
        return stage.host("git log --all --format=%s") === "" ? undefined : "nothing keeps the two apart";
      if (alive.length > 0) return `${alive.length} processes are alive`;
      stage.inside("true");
      const log = stage.host("git log --all --format=%s");
      const missing = ["first", "second"].filter((name) => !log.includes(name));
      if (missing.length > 0) return `lost: ${missing.join(", ")}`;
      if (readFileSync("/proc/self/mountinfo", "utf8").includes(stage.base)) return "a mount is left";
      const litter = stage.host("find .git -name '*.lock' -o -name 'tmp_*' -o -name 'cordon-*' | grep -v refs/cordon", {
        mayFail: true,
      });
      return litter === "" ? undefined : `left in .git: ${litter}`;
    },
  },
];
