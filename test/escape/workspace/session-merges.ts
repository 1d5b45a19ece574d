import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Attack } from "./attack.ts";
import { asSession, merge, name, review, work } from "./session.ts";

/** What a review shows of a session, and what a merge writes. */

/** Shell words that print a tree entry; the id stands in a variable. */
const entry = (mode: string, path: string, variable: string): string =>
  `printf '${mode} ${path}\\000'; printf "$(printf %s "$${variable}" | sed 's/../\\\\x&/g')"`;
const plant = (entries: string): string =>
  `bash -ec 'hash="git hash-object -w --stdin --literally -t"; blob=$(echo planted | $hash blob); inner=$({ ${entry("100644", "planted", "blob").replaceAll("'", `'"'"'`)}; } | $hash tree)
tree=$({ ${entries.replaceAll("'", `'"'"'`)}; } | $hash tree); git update-ref refs/heads/main $(git commit-tree -p HEAD -m planted $tree); git read-tree HEAD^'`;

const flagged = [
  "CLAUDE.md .mcp.json .claude/settings.json .vscode/tasks.json .envrc .npmrc Makefile conftest.py .github/workflows/x.yml",
  ".husky/pre-commit .gitattributes .devcontainer/devcontainer.json .cargo/config.toml .GIT/config Dockerfile tool",
];
const controls = "$(printf '\\033]0;owned\\007\\033[2Jx\\r\\302\\233')";

const attacks: Attack[] = [
  ...flagged.map(
    (paths): Attack => ({
      id: "PE-08",
      attack: `files that the host obeys come unreviewed (PE-09 to PE-14): ${paths}`,
      carry(stage) {
        const files = paths.split(" ");
        work(stage, files.map((file) => `mkdir -p $(dirname ${file}); echo x > ${file}; chmod +x ${file}`).join("; "));
        const early = files.filter((file) => existsSync(join(stage.project, file)));
        if (early.length > 0) return `on the host before the merge: ${early.join(" ")}`;
        const shown = review(stage);
        const missing = files.filter((file) => !shown.includes(file));
        merge(stage);
        const unseen = missing.filter((file) => existsSync(join(stage.project, file)));
        return unseen.length > 0 ? `came without review: ${unseen.join(" ")}` : undefined;
      },
    }),
  ),
  {
    id: "PE-04",
    attack: "hooks, settings and nested repositories come with a session",
    carry(stage) {
      work(
        stage,
        `${stage.payload}; cp payload .git/hooks/pre-commit; cp payload .git/hooks/post-checkout; git config core.fsmonitor "$PWD/payload"
git init -q sub; echo x > sub/x; git -C sub config core.fsmonitor "$PWD/payload"; mkdir -p deep/.git; echo x > deep/x; echo y > y`,
      );
      merge(stage);
      stage.host("git status; git checkout -q -b x; cd sub && git status", { mayFail: true });
      return stage.ran() ?? (existsSync(join(stage.project, "sub/.git")) ? "a nested repository came" : undefined);
    },
  },
  {
    id: "GM-11",
    attack: "other work between review and merge (PE-17)",
    carry(stage) {
      work(stage, "echo good > new.txt; git add .; git commit -q -m good");
      review(stage);
      work(stage, "echo evil > new.txt; git add .; git commit -q -m evil");
      const { code, stderr } = stage.cordon(["merge", name]);
      if (stage.isBare || stage.host("cat new.txt", { mayFail: true }).includes("evil")) return "it was merged unseen";
      return code === 0 || /no longer what you have seen/.test(stderr) ? undefined : `no word of it: ${stderr}`;
    },
  },
  {
    id: "GM-11",
    attack: "another tip than the one that was named",
    carry(stage) {
      work(stage, "echo good > new.txt; git add .; git commit -q -m good");
      const tip = stage.host("git rev-parse $(git for-each-ref --format='%(refname)' refs/cordon | grep tip$) HEAD", {
        mayFail: true,
      });
      work(stage, "echo evil > new.txt; git add .; git commit -q -m evil");
      merge(stage, "--tip", tip.split("\n")[0]!);
      return stage.host("cat new.txt", { mayFail: true }).includes("evil") ? "it was merged unseen" : undefined;
    },
  },
  {
    id: "GM-02",
    attack: "file names in review and merge",
    carry(stage) {
      work(
        stage,
        `for name in --exec=x -rf "${controls}" "$(printf '\\377\\376')" 'a"b' "'; touch x; '" '*' ':(top)x' "$(printf 'n\\nl')"; do echo x > "./$name"; done; git add -A; git commit -q -m names; git ls-tree -rz HEAD | git hash-object --stdin > ../listing 2>/dev/null; git ls-tree -rz HEAD | git hash-object --stdin`,
      );
      const listing = /^[0-9a-f]{40}$/m.exec(stage.said)?.[0];
      review(stage);
      stage.cordon(["diff", name, "--stat"]);
      merge(stage);
      stage.naive("git -c core.quotePath=false ls-files -z | tr '\\0' '\\n'");
      const merged = stage.host("git ls-tree -rz HEAD | git hash-object --stdin; git status --short").trim();
      return merged === listing ? stage.rawControls() : `other bytes: ${merged}`;
    },
  },
  ...[".git", "..", ".", ".GIT"].map(
    (path): Attack => ({
      id: "GM-05",
      attack: `a merge writes where a tree with ${path} says (GM-03)`,
      carry(stage) {
        work(stage, plant(entry("40000", path, "inner")));
        stage.naive(`mkdir -p ./${path}; git cat-file -p HEAD^{tree} > /dev/null; echo planted > ./${path}/planted`);
        merge(stage);
        const found = ["../planted", ".git/planted", ".GIT/planted", "planted"].filter((file) =>
          existsSync(join(stage.project, file)),
        );
        return found.length > 0 ? `written: ${found}` : undefined;
      },
    }),
  ),
  {
    id: "GM-04",
    attack: "a merge writes through a link: of the session, and one that lies in the project",
    carry(stage) {
      work(
        stage,
        `ln -s ${stage.home} d; git add d; git commit -q -m link; rm d; mkdir d out; echo planted > d/planted; echo planted > out/planted2; git add -A; git commit -q -m file`,
      );
      stage.host(`rm -rf out; ln -s ${stage.home} out`, { mayFail: true });
      stage.naive("echo planted > out/planted2");
      merge(stage);
      stage.cordon(["merge", name, "out/planted2", "--yes"]);
      const written = ["planted", "planted2"].filter((file) => existsSync(join(stage.home, file)));
      return written.length > 0 ? `written through a link: ${written}` : undefined;
    },
  },
  {
    id: "GM-06",
    attack: "a merge goes into a submodule",
    carry(stage) {
      work(
        stage,
        `${stage.payload}; printf '[submodule "s"]\\n\\tpath = s\\n\\turl = ext::touch ${stage.marker}\\n' > .gitmodules
git add .gitmodules; git update-index --add --cacheinfo 160000,$(git rev-parse HEAD),s; git commit -q -m sub`,
      );
      merge(stage);
      stage.host("git -c protocol.ext.allow=always submodule update --init", { mayFail: true });
      return stage.ran();
    },
  },
  {
    id: "GM-07",
    attack: "the review is blinded: attributes, drivers, replaced objects, controls, invisible characters",
    carry(stage) {
      work(
        stage,
        `printf '* -diff linguist-generated=true\\n*.js diff=x -text\\n' > .gitattributes; git config diff.x.textconv true; git config diff.external true
printf 'harmless\\revil-one\\n' > x.js; printf 'evil-two\\000' > y.bin; printf 'if (a\\342\\200\\256) evil-three\\n' > z.js; git add -A; git commit -q -m two
git replace $(git rev-parse HEAD:x.js) $(echo harmless | git hash-object -w --stdin)`,
      );
      const shown = stage.isBare ? stage.host("git show HEAD") : review(stage);
      const missing = ["evil-one", "evil-three", "y.bin"].filter((text) => !shown.includes(text));
      return missing.length > 0 ? `not shown: ${missing}` : stage.rawControls();
    },
  },
  {
    id: "GM-08",
    attack: "terminal controls in what review, list and merge print",
    carry(stage) {
      work(
        stage,
        `c="${controls}"; echo "$c" > x; git add .; git -c user.name="$c" commit -q -m "$c" --author="$c <a@b>"; git tag -a -m "$c" t; git stash -q -m "$c"; git branch "b$(printf '\\302\\233')"; mkdir "d$c"; git init -q "d$c"`,
      );
      review(stage);
      for (const words of [["sessions"], ["sessions", "--all"], ["diff", name, "--commits"], ["diff", name, "--stat"]])
        stage.cordon(words);
      merge(stage);
      stage.naive("git log --format='%an %s'");
      return stage.rawControls();
    },
  },
  {
    id: "GM-09",
    attack: "an endless file, and more files than anybody reads, among the uncommitted work",
    carry(stage) {
      const words = { options: ["--session", name], timeoutMs: 12_000 };
      const { code } = stage.inside("truncate -s 100G big; mkdir many; cd many; seq 20000 | xargs touch", words);
      stage.naive("timeout -s KILL 2 git add -A || touch stuck");
      if (existsSync(join(stage.project, "stuck"))) return "git does not come to an end";
      return code === 0 ? undefined : "the end of the run does not come to an end";
    },
  },
  {
    id: "GM-10",
    attack: "a session borrows another repository's objects",
    carry(stage) {
      const head = stage.host("git rev-parse HEAD", { at: stage.other }).trim();
      work(
        stage,
        `echo ${stage.other}/.git/objects > .git/objects/info/alternates; echo ${stage.other}/.git > .git/commondir; echo ${head} > .git/refs/heads/x; echo x > x`,
      );
      review(stage);
      merge(stage);
      const found = stage.host(`git cat-file -t ${head}`, { mayFail: true });
      return found.trim() === "commit" ? "the other repository's commits came in" : undefined;
    },
  },
];

export const sessionMergeAttacks = attacks.map(asSession);
