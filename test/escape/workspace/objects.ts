import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Attack } from "./attack.ts";
import type { Stage } from "./stage.ts";

/** Objects and names that git itself would never make, committed in a live run. */

const hash = "git hash-object -w --stdin --literally";
/** Shell words that print a tree entry; the id stands in a variable. */
const entry = (mode: string, name: string, variable: string): string =>
  `printf '${mode} ${name}\\000'; printf "$(printf %s "$${variable}" | sed 's/../\\\\x&/g')"`;
/** Moves the branch to a commit of a tree that is put together from entries. Bash, because of the bytes. */
const plantTree = (entries: string, more = ""): string => `cat > plant.sh <<'END'
set -e
blob=$(echo planted | git hash-object -w --stdin); inner=$({ ${entry("100644", "config", "blob")}; } | ${hash} -t tree)
${more}
tree=$({ ${entries}; } | ${hash} -t tree)
git update-ref refs/heads/main $(git commit-tree -p HEAD -m planted $tree)
END
bash plant.sh; rm plant.sh`;

const trees: Record<string, string> = {
  ".git": entry("40000", ".git", "inner"),
  ".GIT": entry("40000", ".GIT", "inner"),
  "..": entry("40000", "..", "inner"),
  ".": entry("40000", ".", "inner"),
  "a slash": entry("100644", "a/b", "blob"),
  "one name twice": `${entry("100644", "a", "blob")}; ${entry("120000", "a", "blob")}`,
  "out of order": `${entry("100644", "b", "blob")}; ${entry("100644", "a", "blob")}`,
};

const headOf = (stage: Stage): string => stage.host("git log -1 --format=%s").trim();

/** What a program that knows no better does with each commit: it writes the files, one after another. */
const writeOut = `for commit in $(git rev-list --reverse HEAD); do git ls-tree -r $commit | while read mode kind id path; do
mkdir -p "$(dirname "$path")"; if [ $mode = 120000 ]; then ln -sfn "$(git cat-file -p $id)" "$path"; else git cat-file -p $id > "$path"; fi; done; done 2>/dev/null`;

const controls = "$(printf '\\033]0;owned\\007\\033[2Jx\\r\\302\\233')";
const bidi = "$(printf 'a\\342\\200\\256b\\342\\200\\213')";

export const objectAttacks: Attack[] = [
  ...Object.entries(trees).map(
    ([name, entries]): Attack => ({
      id: "GM-03",
      attack: `a tree with ${name}`,
      carry(stage) {
        stage.inside(plantTree(entries));
        return headOf(stage) === "planted" ? "the tree came in" : undefined;
      },
    }),
  ),
  {
    id: "GM-01",
    attack: "ref names that are options, commands, controls, or what another name means",
    carry(stage) {
      stage.host("git update-ref refs/remotes/origin/main HEAD");
      stage.inside(`git commit -q --allow-empty -m two; id=$(git rev-parse HEAD); git branch origin/main; git tag main; git branch $(git rev-parse --short HEAD)
for name in --upload-pack=x -x '$(touch$IFS"x")' ${bidi}; do printf '%s refs/heads/%s\\n' $id "$name"; done > add
{ cat .git/packed-refs; cat add; } > .git/p 2>/dev/null; { cat add; } > .git/p2; mv .git/p .git/packed-refs; rm .git/p2 add`);
      const names = stage.host("git for-each-ref --format='%(refname)'").split("\n").filter(Boolean);
      stage.naive("git for-each-ref");
      const odd = names.find((name) => /^refs\/(heads|tags|remotes)\/-|[^\x20-\x7e]/.test(name));
      if (odd !== undefined) return `came in as ${JSON.stringify(odd)}`;
      const said = stage.host("git rev-parse --verify main origin/main 2>&1", { mayFail: true });
      return said.includes("ambiguous") ? "a name means something else now" : stage.rawControls();
    },
  },
  {
    id: "GM-02",
    attack: "file names that are options, controls, quotes, no UTF-8, very long",
    carry(stage) {
      stage.inside(`${stage.payload}; mkdir -p .husky; for name in --exec=x -rf "${controls}" "${bidi}" "$(printf '\\377\\376')" 'a"b' "'; touch x; '" '*' "$(printf 'l%.0s' $(seq 250))" "$(printf 'n\\nl')"; do cp payload "./$name"; cp payload ".husky/$name"; done
git add -A; git commit -q -m names; git ls-tree -rz HEAD | git hash-object --stdin > listing`);
      stage.naive("git -c core.quotePath=false ls-files -z | tr '\\0' '\\n'");
      const listing = stage.host("git ls-tree -rz HEAD | git hash-object --stdin");
      if (listing !== stage.read(join(stage.project, "listing"))) return "the names are others";
      return stage.ran() ?? stage.rawControls();
    },
  },
  {
    id: "GM-04",
    attack: "a link, and in the next commit a file below it",
    carry(stage) {
      stage.inside(`git checkout -q -b side; ln -s ${stage.home} d; git add d; git commit -q -m link; rm d; mkdir d; echo planted > d/planted
git add -A; git commit -q -m file; git checkout -q main; git merge -q side; git checkout -q HEAD~1; git checkout -q main`);
      stage.naive(`rm -rf d; ${writeOut}`);
      stage.host("git checkout -q -f HEAD~1; git checkout -q -f main", { mayFail: true });
      return existsSync(join(stage.home, "planted")) ? "a file was written through the link" : undefined;
    },
  },
  {
    id: "GM-05",
    attack: "a path that climbs, in a commit and in a patch",
    carry(stage) {
      stage.inside(`${plantTree(entry("40000", "..", "inner"))}
printf -- '--- /dev/null\\n+++ b/../climbed\\n@@ -0,0 +1 @@\\n+planted\\n' > 0001-climb.patch`);
      stage.naive("git apply --unsafe-paths 0001-climb.patch");
      stage.inside("true");
      return existsSync(join(stage.home, "climbed")) ? "a file was written outside" : undefined;
    },
  },
  {
    id: "GM-06",
    attack: "a submodule whose address is a program",
    carry(stage) {
      stage.inside(`${stage.payload}; printf '[submodule "s"]\\n\\tpath = s\\n\\turl = ext::touch ${stage.marker}\\n' > .gitmodules
git add .gitmodules; git update-index --add --cacheinfo 160000,$(git rev-parse HEAD),s; git commit -q -m sub`);
      stage.host("git -c protocol.ext.allow=always submodule update --init", { mayFail: true });
      return stage.ran() ?? stage.unlisted([".gitmodules"]);
    },
  },
  ...Object.entries({
    "an address that is an option": "url = -u./payload",
    "an update command": "url = ./x\\n\\tupdate = !touch x",
    "a name that climbs": 'url = ./x\\n[submodule "../../x"]\\n\\tpath = y\\n\\turl = ./x',
  }).map(
    ([name, text]): Attack => ({
      id: "GM-06",
      attack: `.gitmodules with ${name}`,
      carry(stage) {
        stage.inside(
          `printf '[submodule "s"]\\n\\tpath = s\\n\\t${text}\\n' > .gitmodules; git add .; git commit -q -m planted`,
        );
        return headOf(stage) === "planted" ? "it came in" : stage.unlisted([".gitmodules"]);
      },
    }),
  ),
  {
    id: "GM-07",
    attack: "replaced objects, grafts and hidden index entries blind whoever looks",
    carry(stage) {
      stage.inside(`echo evil > a.txt; git commit -qam two; echo harmless > b.txt; good=$(git hash-object -w b.txt); rm b.txt
git replace $(git rev-parse HEAD:a.txt) $good; mkdir -p .git/info; git rev-parse HEAD > .git/info/grafts
echo worse > a.txt; git update-index --assume-unchanged a.txt; git update-index --skip-worktree a.txt`);
      const shown = stage.host("git show HEAD:a.txt; git log --oneline | wc -l; git status --short");
      return shown === "evil\n2\n M a.txt\n?? b.txt\n" || shown === "evil\n2\n M a.txt\n"
        ? undefined
        : `shown was: ${JSON.stringify(shown)}`;
    },
  },
  {
    id: "GM-08",
    attack: "terminal controls in messages, authors, tags, stashes, working trees, notes, directories",
    carry(stage) {
      stage.inside(`c="${controls}"; git -c user.name="$c" commit -q --allow-empty -m "$c" --author="$c <a@b>"; git tag -a -m "$c" t
git notes add -m "$c"; git config branch.main.description "$c"; echo s >> a.txt; git stash -q -m "$c"; git worktree add -q --detach ".w$c"
mkdir -p "n$c/.git" "m$c"; cd "m$c"; git init -q; git commit -q --allow-empty -m "$c"; cd ..; printf '%s' "$c" > .git/HEAD.x; mkfifo ".git/$c"`);
      stage.inside("true");
      stage.inside("git commit -q --allow-empty -m more");
      stage.naive("git log --format='%an %s'; git stash list; git tag -n");
      return stage.rawControls();
    },
  },
  {
    id: "GM-09",
    attack: "twenty thousand refs, fifty thousand files, deep trees",
    carry(stage) {
      const began = performance.now();
      stage.inside(`b=$(echo x | git hash-object -w --stdin); t=$(seq 50000 | sed "s/.*/100644 blob $b\\tf&/" | git mktree)
c=$(git commit-tree -p HEAD -m files $t); for i in $(seq 100); do t=$(printf '040000 tree %s\\td\\n' $t | git mktree); done
c=$(git commit-tree -p $c -m deep $t); git update-ref refs/heads/main $c; git reset -q; seq 20000 | sed "s#^#$c refs/heads/flood/#" >> .git/packed-refs`);
      const refs = Number(stage.host("git for-each-ref | wc -l"));
      if (performance.now() - began > 60_000) return "it took longer than a minute";
      return refs > 5_000 ? `${refs} refs came in` : undefined;
    },
  },
  {
    id: "GM-09",
    attack: "an endless file in the place of a small one",
    carry(stage) {
      stage.inside("echo x > big; git add big; git commit -q -m big; truncate -s 100G big");
      stage.naive("touch a.txt; git read-tree HEAD; timeout -s KILL 2 git update-index --refresh");
      return existsSync(join(stage.project, ".git/index.lock")) ? "the index is locked" : undefined;
    },
  },
  {
    id: "GM-09",
    attack: "pipes in the place of refs and objects",
    carry(stage) {
      const began = performance.now();
      stage.inside(`git commit -q --allow-empty -m two; rm .git/HEAD; mkfifo .git/HEAD .git/refs/heads/pipe
ln -s ../../../../../proc/self/fd/1 .git/refs/heads/link`);
      stage.naive("timeout 5 git for-each-ref && timeout 5 git status || touch stuck");
      if (existsSync(join(stage.project, "stuck"))) return "git waits for ever";
      return performance.now() - began > 50_000 ? "the end of the run waited for it" : undefined;
    },
  },
];
