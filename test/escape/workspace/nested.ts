import { join } from "node:path";
import type { Attack } from "./attack.ts";
import type { Stage } from "./stage.ts";

/** Repositories inside of the project: the user's own, and those that an agent makes. */

/** The user's own repository in the project. */
const plantNested = (stage: Stage): void => {
  stage.host("mkdir -p vendor/lib; cd vendor/lib; git init -q; echo lib > lib.txt; git add .; git commit -q -m lib");
  stage.host("sleep 0.06");
};

/** Arms whatever repository stands at a place. */
const arm = (place: string): string =>
  `cp payload ${place}/.git/hooks/post-checkout; printf '[core]\\n\\tfsmonitor = %s\\n' "$PWD/payload" >> ${place}/.git/config`;

const judgeNested = (stage: Stage, place = "vendor/lib"): string | undefined => {
  stage.host(`chmod -R u+rwx . ; cd ${place} && git status; git checkout -q -b x`, { mayFail: true });
  return stage.ran();
};

/** Moves the user's own repository out of sight in one run, and back in the next, which then finds it open. */
const hide = (attack: string, away: string, back: string, more: Partial<Attack> = {}): Attack => ({
  id: "PE-04",
  attack: `a nested repository, ${attack} between two runs`,
  carry(stage) {
    plantNested(stage);
    stage.inside(`${stage.payload}; ${away}`);
    stage.inside(`${back}; ${arm("vendor/lib")}`);
    return judgeNested(stage);
  },
  ...more,
});

const foreign = `"$(printf 'v\\377')"`;

/** Moves it so deep that no path leads there. */
const deepen = (from: string, to: string): string => `python3 -c '
import os
name = "d" * 200
top = place = os.open(".", os.O_RDONLY)
for _ in range(25):
    if "${from}" == "top": os.mkdir(name, dir_fd=place)
    place = os.open(name, os.O_RDONLY, dir_fd=place)
os.rename("vendor", "vendor", src_dir_fd=${from}, dst_dir_fd=${to})'`;

/** Repositories that appear while the run goes on. */
const appear = (attack: string, script: string, place: string): Attack => ({
  id: "PE-04",
  attack: `a nested repository made during the run, ${attack}`,
  carry(stage) {
    stage.inside(`${stage.payload}; ${script}`);
    return judgeNested(stage, place);
  },
});

const settings = `printf '[core]\\n\\trepositoryformatversion = 0\\n\\tbare = false\\n\\tfsmonitor = %s\\n' "$PWD/payload"`;
const makeDirectory = (place: string): string =>
  `mkdir -p ${place}/objects ${place}/refs ${place}/hooks; echo 'ref: refs/heads/main' > ${place}/HEAD; ${settings} > ${place}/config; cp payload ${place}/hooks/post-checkout`;

export const nestedAttacks: Attack[] = [
  {
    id: "PE-04",
    attack: "hooks and settings of a nested repository and of a submodule",
    carry(stage) {
      plantNested(stage);
      stage.host(`git submodule --quiet add ${stage.other} sub; git commit -q -m sub`);
      stage.inside(`${stage.payload}; ${arm("vendor/lib")}
cp payload .git/modules/sub/hooks/post-checkout; printf '[core]\\n\\tfsmonitor = %s\\n' "$PWD/payload" >> .git/modules/sub/config
mv vendor vendor2; ${arm("vendor2/lib")}; mv vendor2 vendor; rm -f sub/.git; cp -r .git/modules/sub sub/.git; ${arm("sub")}`);
      return judgeNested(stage) ?? judgeNested(stage, "sub");
    },
  },
  hide("under another name", "mv vendor moved", "mv moved vendor"),
  hide("under a name that is no UTF-8", `mv vendor ${foreign}`, `mv ${foreign} vendor`),
  hide("too deep for any path", deepen("top", "place"), deepen("place", "top")),
  hide("in a closed directory", "chmod 000 vendor", "chmod 755 vendor", { isForUser: true }),
  hide("in a directory that lists and does not open", "chmod 444 vendor", "chmod 755 vendor", { isForUser: true }),
  appear("as a directory", makeDirectory("new/.git"), "new"),
  appear("as a gitfile", `mkdir new; ${makeDirectory("store")}; echo 'gitdir: ../store' > new/.git`, "new"),
  appear("as a link", `mkdir new; ${makeDirectory("store")}; ln -s ../store new/.git`, "new"),
  appear("around the file that the user opens", makeDirectory("src/.git"), "src"),
  {
    id: "PE-08",
    attack: "the first .git of a project that has none",
    carry(stage) {
      stage.host("mkdir ../plain");
      const at = join(stage.home, "plain");
      stage.inside(`${stage.payload}; ${makeDirectory(".git")}`, { at });
      stage.host("git status; git checkout -q -b x", { at, mayFail: true });
      return stage.ran();
    },
  },
  {
    id: "PE-05",
    attack: "a bare repository among the files",
    carry(stage) {
      stage.inside(`${stage.payload}; ${makeDirectory("fixtures/bare")}
printf '\\n\\tworktree = %s\\n' "$PWD/fixtures/bare" >> fixtures/bare/config; git add -A; git commit -q -m fixtures`);
      // The program itself, started there, must not take it for a repository; a plain git does.
      const at = join(stage.project, "fixtures/bare");
      stage.naive("git status", { at });
      stage.inside("git status", { at });
      return stage.ran() ?? stage.unlisted(["fixtures/bare/HEAD", "fixtures/bare/hooks/post-checkout"]);
    },
  },
  {
    id: "GM-10",
    attack: "a first .git that borrows the objects of another repository",
    carry(stage) {
      stage.host("mkdir ../plain");
      const at = join(stage.home, "plain");
      const head = stage.host("git rev-parse HEAD", { at: stage.other }).trim();
      stage.inside(`git init -q; echo ${stage.other}/.git/objects > .git/objects/info/alternates`, { at });
      stage.inside(`git show ${head}`, { at });
      return stage.said.includes(stage.canary) ? "the other repository was read" : undefined;
    },
  },
  ...["a gitfile", "a link"].map(
    (kind): Attack => ({
      id: "GM-10",
      attack: `a first .git that is ${kind} to another repository`,
      carry(stage) {
        stage.host("mkdir ../plain");
        const at = join(stage.home, "plain");
        const target = `${stage.other}/.git`;
        stage.inside(kind === "a link" ? `ln -s ${target} .git` : `echo 'gitdir: ${target}' > .git`, { at });
        stage.inside("git show HEAD; git commit -q --allow-empty -m planted", { at });
        const log = stage.host("git log --format=%s", { at: stage.other });
        if (log !== "one\n") return "a commit was put into the other repository";
        return stage.said.includes(stage.canary) ? "the other repository was read" : undefined;
      },
    }),
  ),
  {
    id: "GM-10",
    attack: "alternates and a link in the private git directory",
    carry(stage) {
      const head = stage.host("git rev-parse HEAD", { at: stage.other }).trim();
      stage.inside(`echo ${stage.other}/.git/objects > .git/objects/info/alternates
echo ${head} > .git/refs/heads/stolen; ln -s ${stage.other}/.git/refs/heads .git/refs/heads/linked`);
      stage.inside("true");
      const found = stage.host(`git cat-file -t ${head}`, { mayFail: true });
      return found.trim() === "commit" ? "the other repository's commits came in" : undefined;
    },
  },
  {
    id: "GM-10",
    attack: "a link on the way to a submodule's private git directory",
    carry(stage) {
      stage.host(
        `git init -q --bare ../up; git clone -q ../up ../seed; cd ../seed; git commit -q --allow-empty -m up; git push -q`,
      );
      stage.host("git submodule --quiet add ../up lib; git commit -q -m lib");
      // What the agent wants stands under the submodule's name in some directory of the host.
      stage.host(`mkdir ../src; git clone -q --bare ${stage.other} ../src/lib`);
      const head = stage.host("git rev-parse HEAD", { at: stage.other }).trim();
      stage.inside(`mv .git/modules .git/m; ln -s ${stage.home}/src .git/modules`);
      const found = stage.host(`git -C lib cat-file -t ${head}`, { mayFail: true });
      return found.trim() === "commit" ? "the other repository's commits came in" : undefined;
    },
  },
];
