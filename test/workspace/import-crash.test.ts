import { expect, test } from "bun:test";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { projectKey } from "../../src/places.ts";
import { describeStaged } from "../../src/workspace/host-index.ts";
import { type Lab, litterOf, refsOf, tryRun, useLabs } from "./import-lab.ts";

/** Imports that die, and imports at the same time. */

const open = useLabs();

const main = path.join(import.meta.dirname, "import-main.ts");
const start = (lab: Lab): ChildProcess =>
  spawn(process.execPath, [main, JSON.stringify(lab.request)], {
    env: { PATH: lab.env["PATH"], HOME: lab.at("home") },
  });
const ended = (child: ChildProcess) =>
  new Promise<string>((resolve) => {
    const parts: Buffer[] = [];
    child.stdout!.on("data", (part) => parts.push(part));
    child.on("close", () => resolve(Buffer.concat(parts).toString()));
  });
const roomOf = (lab: Lab) => path.join(lab.host.places.state, "imports", projectKey(lab.repository.commonDir));

/** Control groups of the product's; other tests of the same time have other names. */
const groupsOf = (lab: Lab): string[] => {
  const name = `cordon-import-${projectKey(lab.repository.commonDir).slice(-16)}`;
  const done = spawnSync("find", ["/sys/fs/cgroup", "-maxdepth", "6", "-name", name]);
  return done.stdout.toString().split("\n").filter(Boolean);
};

const expectArrived = (lab: Lab, tip: string) => {
  expect(lab.git("rev-parse", "HEAD", "topic").split("\n")).toEqual([tip, tip]);
  expect(lab.git("status", "--porcelain")).toBe("");
  expect(tryRun(["fsck", "--full", "--strict"], lab.env, lab.top)).toMatchObject({ code: 0 });
  expect(litterOf(lab)).toEqual([]);
  expect(fs.readdirSync(roomOf(lab))).toEqual(["lock"]);
  expect(groupsOf(lab)).toEqual([]);
};

test("whenever it is killed, the next one brings everything and tidies up", async () => {
  const lab = open();
  let tip = "";
  let seen = 0;
  const begin = performance.now();
  await ended(start(lab));
  const whole = performance.now() - begin;
  for (let round = 0; round < 12; round++) {
    tip = lab.commit("file", `${round}\n`);
    lab.inside("branch", "-f", "topic");
    // Spread over the time that a whole one takes; where exactly it is hit does not matter for what is expected.
    const child = start(lab);
    const done = ended(child);
    await Bun.sleep((whole * 1.3 * (round + 1)) / 12);
    child.kill("SIGKILL");
    await done;
    if (child.signalCode === "SIGKILL") seen += 1;
    expect(tryRun(["fsck", "--full"], lab.env, lab.top)).toMatchObject({ code: 0 });
    // The work is either where it was or on the host.
    expect(lab.inside("rev-parse", "refs/heads/main")).toBe(tip);
    const base = { ...lab.base, refs: { ...lab.base.refs, ...refsOf(lab.git("for-each-ref", "refs/heads")) } };
    expect((await lab.bring({ base })).problems).toEqual([]);
    expectArrived(lab, tip);
  }
  expect(seen).toBeGreaterThan(0);
}, 60_000);

test.each(["nothing", "something"])(
  "one that died between HEAD and the index is finished, with %s staged",
  async (what) => {
    const lab = open();
    const tip = lab.commit("file", "two\n");
    lab.inside("branch", "topic");
    if (what === "something") {
      fs.writeFileSync(path.join(lab.top, "theirs"), "x\n");
      lab.git("add", "theirs");
    }
    const before = lab.git("diff", "--cached", "--name-only");
    const aside = lab.at("index");
    fs.copyFileSync(lab.at("main/.git/index"), aside);
    await lab.bring();
    fs.copyFileSync(aside, lab.at("main/.git/index"));
    expect(lab.git("diff", "--cached", "--name-only")).not.toBe(before);
    const git = Bun.which("git")!;
    const staged = await describeStaged(lab.base.head!, { git, repository: lab.repository });
    const move = { gitDir: lab.repository.gitDir, from: lab.base.head, to: tip, staged };
    const journal = path.join(roomOf(lab), `${projectKey(lab.repository.gitDir)}.json`);
    fs.writeFileSync(journal, JSON.stringify(move));
    await lab.bring();
    expect(lab.git("diff", "--cached", "--name-only")).toBe(before);
    if (what === "something") return;
    expectArrived(lab, tip);
    // What somebody has staged since is not touched.
    fs.writeFileSync(path.join(lab.top, "mine"), "x\n");
    lab.git("add", "mine");
    fs.writeFileSync(journal, JSON.stringify(move));
    await lab.bring();
    expect(lab.git("status", "--porcelain")).toBe("A  mine");
  },
);

test("the quarantine of a dead one goes, and nothing else does", async () => {
  const lab = open();
  const objects = lab.at("main/.git/objects");
  fs.mkdirSync(path.join(objects, "tmp_objdir-cordon-dead/pack"), { recursive: true });
  fs.writeFileSync(path.join(objects, "tmp_objdir-cordon-dead/pack/tmp_pack_x"), "half");
  fs.mkdirSync(path.join(objects, "tmp_objdir-other"));
  await lab.bring();
  expect(litterOf(lab)).toEqual(["tmp_objdir-other"]);
});

test("two at once take turns", async () => {
  const lab = open();
  const tip = lab.commit("file", "two\n");
  lab.inside("branch", "topic");
  const results = (await Promise.all([start(lab), start(lab), start(lab)].map(ended))).map((text) => JSON.parse(text));
  expect(results.flatMap(({ problems }) => problems)).toEqual([]);
  expect(results.flatMap(({ imported }) => imported)).toHaveLength(2);
  expectArrived(lab, tip);
});

test("nothing stays in /tmp and no process lives on", async () => {
  const lab = open();
  lab.commit("file", "two\n");
  const scratch = () => fs.readdirSync(os.tmpdir()).filter((name) => name.startsWith("cordon-"));
  const before = scratch();
  await lab.bring();
  expect(scratch().filter((name) => !before.includes(name))).toEqual([]);
  expect(spawnSync("pgrep", ["-f", lab.priv]).stdout.toString()).toBe("");
});
