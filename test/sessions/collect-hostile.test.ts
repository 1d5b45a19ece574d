import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { partsOf, type Session, sessionPlace } from "../../src/sessions/record.ts";
import type { Desk } from "./session-desk.ts";
import { openDesk } from "./session-room.ts";

/** A session in the hands of an attacker: its files, and its private git directory. */

const timeoutMs = 180_000;
const limits = { timeoutMs: 25_000 };

const privateOf = (desk: Desk, session: Session): string =>
  path.join(partsOf(sessionPlace(desk.host, session)).git, "git");

/** Makes one with a commit and a file that is not committed, then lets `plant` at its private git directory. */
const begin = async (plant: (directory: string, desk: Desk, session: Session) => void, script = "true") => {
  const desk = openDesk();
  const { session, release } = await desk.create("one");
  await desk.work(session, `echo c > c; git add c; git commit -qm mine; echo open > open; ${script}`);
  release();
  plant(privateOf(desk, session), desk, session);
  const before = stateOf(desk);
  const startedAt = performance.now();
  const done = await desk.collect(session, { limits });
  expect(performance.now() - startedAt).toBeLessThan(120_000);
  expect(stateOf(desk)).toEqual(before);
  desk.git("fsck", "--strict");
  return { desk, ...done };
};

/** Of the host, everything that a collection has no business with. */
const stateOf = (desk: Desk) => [
  desk.git("for-each-ref", "refs/heads", "refs/tags", "refs/replace"),
  desk.git("status", "--porcelain"),
  fs.readFileSync(path.join(desk.project, ".git/config"), "utf8"),
];

const namesIn = (desk: Desk, tip: string) => desk.git("diff", "--no-renames", "--name-only", "HEAD", tip).split("\n");

const fifo = (file: string) => {
  fs.rmSync(file, { force: true, recursive: true });
  spawnSync("mkfifo", [file]);
};

describe("the files come over, whatever the private git directory is", () => {
  const broken: Record<string, (directory: string) => void> = {
    "HEAD is a pipe": (directory) => fifo(path.join(directory, "HEAD")),
    "HEAD leads nowhere": (directory) => fs.writeFileSync(path.join(directory, "HEAD"), "ref: refs/heads/none\n"),
    "HEAD is rubbish": (directory) => fs.writeFileSync(path.join(directory, "HEAD"), "rubbish"),
    "HEAD names a file": (directory) => {
      const blob = "ce013625030ba8dba906f756967f9e9ca394464a";
      fs.writeFileSync(path.join(directory, "HEAD"), `${blob}\n`);
    },
    "the settings cannot be read": (directory) => fs.writeFileSync(path.join(directory, "config"), "[[[\n"),
    "the settings include a pipe": (directory) => {
      fifo(path.join(directory, "more"));
      fs.appendFileSync(path.join(directory, "config"), "[include]\n\tpath = more\n");
    },
    "nothing is left of it": (directory) => {
      for (const name of fs.readdirSync(directory)) fs.rmSync(path.join(directory, name), { recursive: true });
    },
  };
  test.each(Object.keys(broken))(
    "%s",
    async (name) => {
      const { desk, collected, problems } = await begin(broken[name]!);
      expect(problems.join()).toContain("HEAD inside leads to no commit");
      expect(namesIn(desk, collected!.tip)).toEqual(["c", "open"]);
      expect(desk.git("rev-parse", `${collected!.tip}~1`)).toBe(desk.git("rev-parse", "HEAD"));
    },
    timeoutMs,
  );

  test(
    "the index of a pack is a pipe",
    async () => {
      const { desk, collected, problems } = await begin((directory) =>
        fifo(path.join(directory, `objects/pack/pack-${"0".repeat(40)}.idx`)),
      );
      expect(problems.join()).toMatch(/no ordinary file|in time|too long/);
      expect(namesIn(desk, collected!.tip)).toEqual(["c", "open"]);
    },
    timeoutMs,
  );
});

test(
  "settings that run something run nothing here",
  async () => {
    const mark = "/tmp/cordon-test-ran";
    const { desk, session, collected, problems } = await begin((directory) => {
      const program = `touch ${mark}; touch /run/cordon/scratch/ran; false`;
      const keys = [
        "core.fsmonitor",
        "filter.f.clean",
        "filter.f.process",
        "core.alternateRefsCommand",
        "core.hooksPath",
      ];
      for (const key of keys) {
        const words = ["config", "--file", path.join(directory, "config"), key, program];
        expect(spawnSync("git", words, { env: {} }).status).toBe(0);
      }
      fs.writeFileSync(path.join(directory, "info/attributes"), "* filter=f\n");
    }, "echo '* filter=f' > .gitattributes");
    expect(problems).toEqual([]);
    expect(collected).toMatchObject({ work: true, commits: 1 });
    expect(namesIn(desk, collected!.tip)).toEqual([".gitattributes", "c", "open"]);
    expect(fs.existsSync(mark)).toBe(false);
    const { scratch } = partsOf(sessionPlace(desk.host, session));
    expect(fs.existsSync(path.join(scratch, "ran"))).toBe(false);
  },
  timeoutMs,
);

describe("objects of another repository (GM-10)", () => {
  const foreign = (desk: Desk): string => {
    desk.git("init", "-q", desk.at("foreign"));
    fs.writeFileSync(desk.at("foreign/secret"), "planted-secret\n");
    desk.git("-C", desk.at("foreign"), "add", "-A");
    desk.git("-C", desk.at("foreign"), "commit", "-qm", "secret");
    return desk.git("-C", desk.at("foreign"), "rev-parse", "HEAD");
  };
  const ways: Record<string, (directory: string, objects: string) => void> = {
    "by alternates": (directory, objects) =>
      fs.appendFileSync(path.join(directory, "objects/info/alternates"), `${objects}\n`),
    "by a link in the place of its own": (directory, objects) => {
      fs.renameSync(path.join(directory, "objects"), path.join(directory, "aside"));
      fs.symlinkSync(objects, path.join(directory, "objects"));
    },
  };
  test.each(Object.keys(ways))(
    "%s",
    async (name) => {
      let id = "";
      const { desk, collected, problems } = await begin((directory, desk) => {
        id = foreign(desk);
        ways[name]!(directory, desk.at("foreign/.git/objects"));
        fs.writeFileSync(path.join(directory, "HEAD"), `${id}\n`);
      });
      expect(problems.join()).toContain("HEAD inside leads to no commit");
      expect(namesIn(desk, collected!.tip)).toEqual(["c", "open"]);
      expect(() => desk.git("cat-file", "-e", id)).toThrow();
    },
    timeoutMs,
  );
});

test(
  "replaced objects change nothing (GM-07)",
  async () => {
    const { desk, collected } = await begin(
      () => {},
      "git replace HEAD HEAD~1; git replace $(git rev-parse HEAD^{tree}) $(git rev-parse HEAD~1^{tree})",
    );
    expect(namesIn(desk, `${collected!.tip}~1`)).toEqual(["c"]);
    expect(collected).toMatchObject({ commits: 1, files: 2 });
  },
  timeoutMs,
);

test(
  "an index and flags of the session's own hide nothing",
  async () => {
    const { desk, collected } = await begin(
      (directory) => fifo(path.join(directory, "index")),
      "echo hidden > a.txt; git update-index --assume-unchanged a.txt; echo a.txt >> .git/info/exclude; echo open >> .git/info/exclude",
    );
    expect(namesIn(desk, collected!.tip)).toEqual(["a.txt", "c", "open"]);
  },
  timeoutMs,
);

test(
  "more refs than anybody wants (GM-09)",
  async () => {
    const { desk, collected, problems } = await begin((directory) => {
      const id = fs.readFileSync(path.join(directory, "refs/heads/main"), "utf8").trim();
      const rows = Array.from({ length: 20_000 }, (_, index) => `${id} refs/heads/many-${index}\n`).join("");
      fs.appendFileSync(path.join(directory, "packed-refs"), rows);
    });
    expect(problems.join()).toContain("refs are new, and at most 2000 come over");
    expect(namesIn(desk, collected!.tip)).toEqual(["c", "open"]);
    expect(desk.git("for-each-ref", "refs/cordon/").split("\n").length).toBeLessThan(10);
  },
  timeoutMs,
);

test(
  "links to what the host has are links (FS-08)",
  async () => {
    const secret = "planted-secret";
    const desk = openDesk();
    fs.writeFileSync(desk.at("home/secret"), `${secret}\n`);
    const { session, release } = await desk.create("one");
    await desk.work(
      session,
      `for i in 1 2 3; do ln -s ${desk.at("home")} up$i; ln -s ${desk.at("home/secret")} file$i; done
       rm -r dir; ln -s ${desk.at("home")} dir; rm .gitignore; ln -s ${desk.at("home/secret")} .gitignore; ln -s .git here`,
    );
    release();
    const { collected, problems } = await desk.collect(session);
    expect(problems).toEqual([]);
    const modes = desk
      .git("ls-tree", collected!.tip)
      .split("\n")
      .map((row) => `${row.slice(0, 6)} ${row.split("\t")[1]}`);
    expect(modes).toEqual([
      ...["120000 .gitignore", "100644 a.txt", "120000 dir", "120000 file1", "120000 file2", "120000 file3"],
      ...["120000 here", "120000 up1", "120000 up2", "120000 up3"],
    ]);
    const all = desk.git("cat-file", "--batch-all-objects", "--batch", "--unordered");
    expect(all).not.toContain(secret);
  },
  timeoutMs,
);

test(
  "a file without an end is left out, and costs no commit",
  async () => {
    const desk = openDesk();
    const { session, release } = await desk.create("one");
    await desk.work(session, "echo c > c; git add c; git commit -qm mine; echo d > d; truncate -s 1T hole");
    release();
    const { collected, problems, session: now } = await desk.collect(session, { limits: { timeoutMs: 20_000 } });
    expect(problems).toEqual(["hole: not readable or too large, and stays in the session"]);
    expect(collected).toMatchObject({ work: true, commits: 1, files: 2 });
    expect(now.isStale).toBe(false);
  },
  timeoutMs,
);

test(
  "a branch called as cordon's own, and commits that git refuses",
  async () => {
    const { desk, session, collected, problems } = await begin(
      () => {},
      `for name in tip start base; do git branch $name; done
       bad=$(printf '40000 .git\\0aaaaaaaaaaaaaaaaaaaa' | git hash-object -t tree -w --stdin --literally)
       git update-ref refs/heads/bad $(git commit-tree -m bad $bad)`,
    );
    expect(problems.join()).toMatch(/git refuses its objects|objects are missing|cannot be read/);
    expect(desk.git("rev-parse", `refs/cordon/${session.id}/tip`)).toBe(collected!.tip);
    expect(desk.git("rev-parse", `refs/cordon/${session.id}/start`)).toBe(session.base.commit);
    expect(namesIn(desk, collected!.tip)).toEqual(["c", "open"]);
  },
  timeoutMs,
);
