import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { type Desk, git, isRoot, makeDesk, pictureOf, uids } from "./desk.ts";

/** Copies of projects, made by whoever may own them, on the real file system. */

const identity = "-c user.name=Ada -c user.email=ada@example.org -c protocol.file.allow=always";
const repository = `git init -q -b main . && echo '*.log' > .gitignore && echo one > a.txt && mkdir -p src/deep
  echo two > src/deep/b.txt && chmod 755 a.txt && ln -s a.txt link && git add . && git ${identity} commit -q -m one`;

const copy = async (desk: Desk) => {
  fs.rmSync(desk.at("into"), { recursive: true, force: true });
  desk.sh(`mkdir ${desk.at("into")}`);
  const { gave, threw } = await desk.call("copy", desk.at("project"), desk.at("into"), git);
  if (threw !== undefined) throw new Error(threw);
  return gave as { files: number; notes: string[] };
};
const names = (desk: Desk) => pictureOf(desk.at("into")).map((line) => line.split(" ")[0]!);

describe.each(uids)("as uid %d", (uid) => {
  test("with git: what git takes note of, as it stands in the working tree", async () => {
    const desk = makeDesk(uid);
    desk.sh(`${repository}
      echo dirty > a.txt; rm src/deep/b.txt; echo new > 'src/new file'; echo no > no.log; mkdir empty
      printf x > "$(printf 'b\\303\\251 \\nline')"; printf y > "$(printf 'no\\377utf8')"; echo s > staged; git add staged`);
    expect(await copy(desk)).toEqual({ files: 7, notes: [] });
    const expected = desk.sh(
      "git ls-files -z --cached --others --exclude-standard | sort -z | tr '\\0\\n' '\\n?' | grep -av deep",
    );
    const found = desk.sh("find . ! -type d -printf '%P\\0' | sort -z | tr '\\0\\n' '\\n?'", desk.at("into"));
    expect(found).toBe(expected);
    expect(fs.readFileSync(desk.at("into/a.txt"), "utf8")).toBe("dirty\n");
    expect(fs.readlinkSync(desk.at("into/link"))).toBe("a.txt");
    expect(fs.lstatSync(desk.at("into/a.txt"))).toMatchObject({
      uid,
      gid: isRoot ? uid : expect.any(Number),
      mode: 0o100755,
    });
  });

  test("with git: ignored files that .worktreeinclude names, and no others", async () => {
    const desk = makeDesk(uid);
    desk.sh(`${repository}
      printf '.env*\\nout/\\n' >> .gitignore; printf '# comment\\n.env*\\n!.env.prod\\n/out/keep/\\n' > .worktreeinclude
      mkdir -p sub out/keep out/drop; for f in .env .env.prod sub/.env out/keep/k out/drop/d x.log; do echo x > $f; done`);
    await copy(desk);
    const found = names(desk).filter((name) => /env|out|log/.test(name));
    expect(found).toEqual([".env", "out/", "out/keep/", "out/keep/k", "sub/.env"]);
  });

  test("with git: a .worktreeinclude that is a link or a pipe names nothing", async () => {
    const desk = makeDesk(uid);
    desk.sh(`${repository}; echo x > x.log; echo '*.log' > ../patterns; ln -s ../patterns .worktreeinclude`);
    await copy(desk);
    expect(names(desk)).not.toContain("x.log");
    desk.sh("rm .worktreeinclude; mkfifo .worktreeinclude");
    await copy(desk);
    expect(names(desk)).not.toContain("x.log");
  });

  test("with git: nested repositories and submodules without their .git", async () => {
    const desk = makeDesk(uid);
    desk.sh(`${repository}
      mkdir nested && cd nested && ${repository} && echo ignored > i.log && mkdir -p in/.git && echo bad > in/.git/config
      cd .. && git ${identity} submodule --quiet add ./nested sub 2>/dev/null && mkdir gone && rm -rf gone`);
    await copy(desk);
    const found = names(desk);
    for (const top of ["nested", "sub"]) expect(found).toContain(`${top}/src/deep/b.txt`);
    expect(found).toContain("nested/i.log");
    expect(found.filter((name) => /(^|\/)\.git\/?$/.test(name))).toEqual([]);
  });

  test("without git: everything, empty directories and permissions too", async () => {
    const desk = makeDesk(uid);
    desk.sh(`mkdir -p empty deep/er ro; echo x > x.log; echo y > deep/er/y; echo 1 > ro/1; echo 2 > ro/2
      chmod 555 ro; chmod 700 deep; chmod 640 x.log; chmod 4755 deep/er/y; ln -s / root; ln -s nowhere broken`);
    await copy(desk);
    expect(pictureOf(desk.at("into"))).toEqual([
      "broken -> nowhere",
      "deep/ 700",
      "deep/er/ 755",
      "deep/er/y 755 y\n",
      "empty/ 755",
      "ro/ 755",
      "ro/1 644 1\n",
      "ro/2 644 2\n",
      "root -> /",
      "x.log 640 x\n",
    ]);
    expect(fs.statSync(desk.at("into/deep/er/y")).mode & 0o7000).toBe(0);
  });

  test("special files stay outside, with a note, and hold nothing up", async () => {
    const desk = makeDesk(uid);
    desk.sh(`mkfifo pipe; mkdir d; mkfifo 'd/p 2'; echo a > a
      ${process.execPath} -e 'require("net").createServer().listen("sock", () => process.exit())' || true`);
    const { notes, files } = await copy(desk);
    expect(files).toBe(1);
    expect(notes.join()).toMatch(/d\/p 2.*is a socket, a pipe or a device/);
    expect(names(desk)).toEqual(["a", "d/"]);
    desk.sh(`rm -rf *; ${repository}; rm a.txt; mkfifo a.txt`);
    expect((await copy(desk)).notes.join()).toMatch(/a.txt.*is a socket, a pipe or a device/);
  });

  test("a tracked directory that is now a link leads nowhere", async () => {
    const desk = makeDesk(uid);
    desk.sh(`${repository}; mkdir ../outside ../outside/deep; echo secret > ../outside/deep/b.txt
      rm -rf src; ln -s ../outside src`);
    await copy(desk);
    expect(names(desk)).toEqual([".gitignore", "a.txt", "link", "src"]);
    expect(fs.readlinkSync(desk.at("into/src"))).toBe("../outside");
    desk.sh("echo src >> .gitignore");
    await copy(desk);
    expect(names(desk)).toEqual([".gitignore", "a.txt", "link"]);
  });

  test("hooks, filters and helpers of the repository do not run", async () => {
    const desk = makeDesk(uid);
    const mark = desk.at("home/ran");
    desk.sh(`${repository}; git config core.fsmonitor 'touch ${mark};'; git config filter.x.clean 'touch ${mark};'
      git config core.alternateRefsCommand 'touch ${mark};'; echo '* filter=x' > .gitattributes; touch a.txt
      echo 'touch ${mark}' > .git/hooks/post-index-change; chmod 755 .git/hooks/post-index-change`);
    await copy(desk);
    expect(fs.existsSync(mark)).toBe(false);
  });

  test("files that are closed are missing with a note", async () => {
    const desk = makeDesk(uid);
    desk.sh("echo a > a; echo b > b; chmod 000 b");
    const { notes } = await copy(desk);
    if (uid !== 0) expect(notes.join()).toBe("b could not be read and is missing");
    expect(names(desk)).toContain("a");
  });
});

test.if(isRoot)("a full disk is an error", async () => {
  const desk = makeDesk(0);
  fs.mkdirSync(desk.at("into"));
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "none", desk.at("into")]);
  try {
    desk.sh("head -c 3000000 /dev/zero | tr '\\0' x > large");
    expect(await desk.call("copy", desk.at("project"), desk.at("into"), git)).toEqual({
      threw: expect.stringMatching(/cannot be copied.*No space left/),
    });
  } finally {
    execFileSync("umount", [desk.at("into")]);
  }
});

describe.each(uids)("removal as uid %d", (uid) => {
  test("of what nobody can enter, of links, pipes and endless depth", async () => {
    const desk = makeDesk(uid);
    desk.sh("echo mine > ../home/keep; mkdir ../home/d; echo mine > ../home/d/keep");
    desk.sh(
      `mkdir -p closed/inner work/work; echo x > closed/inner/f; mkfifo pipe; ln -s ../home/d link; ln -s ../../home closed/up
      deep=$(printf 'd/%.0s' $(seq 500)); (for i in 1 2 3 4 5; do mkdir -p $deep; cd -P $deep; done; touch end)
      chmod 000 closed/inner work/work closed`,
      desk.at("room"),
    );
    expect(await desk.call("remove", desk.at("room"))).toEqual({});
    expect(fs.existsSync(desk.at("room"))).toBe(false);
    expect(pictureOf(desk.at("home"))).toEqual(["d/ 755", "d/keep 644 mine\n", "keep 644 mine\n"]);
    expect(await desk.call("remove", desk.at("room"))).toEqual({});
  });

  test("of a link is refused", async () => {
    const desk = makeDesk(uid);
    desk.sh("echo mine > ../home/keep; ln -s home ../link");
    expect(await desk.call("remove", desk.at("link"))).toEqual({ threw: expect.stringContaining("no directory") });
    expect(fs.existsSync(path.join(desk.at("home"), "keep"))).toBe(true);
  });
});
