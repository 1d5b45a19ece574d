import { afterAll, expect, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { projectKey } from "../../src/places.ts";
import { readRepository } from "../../src/workspace/repository.ts";
import { createLab, lines, litterOf, workIn } from "./merge-lab.ts";
import { countCalls, trapGit } from "./merge-trap.ts";

/** Merges that are killed, at every call of git that they make. */

const lab = createLab();
afterAll(lab.close);

/** Before the work of the so-and-so-manieth call, after it, or in the middle of the files. */
const killing = `
case "$(cat ${lab.at("mode")}) $n $words" in
"before $(cat ${lab.at("kill")}) "*) kill -9 $PPID; exit 1 ;;
"after $(cat ${lab.at("kill")}) "*) $real "$@"; kill -9 $PPID; exit 1 ;;
"half "*" read-tree -m -u "*)
  $real "$@"
  cd ${lab.top} && rm -f n.txt && printf '%s' "$(head -c 20 a.txt)" > a.txt && : > deep/n.txt
  kill -9 $PPID; exit 1 ;;
esac`;

lab.commit({ "s.txt": "s\n", "u.txt": "u\n", "d.txt": lines("d") });
lab.put("d.txt", lines("d", { 1: "mine" }));
const session = workIn(lab, "fix", (agent) => {
  agent.commit({ "a.txt": lines("a", { 0: "agent" }), "n.txt": lines("n"), "deep/n.txt": "n\n" });
  agent.put("d.txt", lines("d", { 1: "mine", 2: "agent" }));
  fs.rmSync(path.join(agent.top, "b.txt"));
});
const other = workIn(lab, "other", (agent) => agent.commit({ "a.txt": lines("a", { 9: "other" }) }));
lab.git("stash", "-q");
lab.commit({ "a.txt": lines("a", { 5: "host" }) });
lab.git("stash", "pop", "-q");
lab.put("s.txt", "staged\n");
lab.put("new-staged.txt", "staged\n");
lab.git("add", "s.txt", "new-staged.txt");
lab.put("u.txt", "dirty\n");
spawnSync("cp", ["-a", lab.top, lab.at("saved")]);

const request = {
  host: trapGit(lab, killing),
  repository: readRepository(lab.top)!,
  session,
  tip: session.tip,
  choice: { kind: "all" },
};

const main = path.join(import.meta.dirname, "merge-main.ts");

/** Begins again from the same state, and lets the merge run until it is killed; true when it was. */
const killAt = async (mode: string, call: number): Promise<boolean> => {
  fs.rmSync(lab.top, { recursive: true });
  fs.rmSync(lab.host.places.state, { recursive: true, force: true });
  spawnSync("cp", ["-a", lab.at("saved"), lab.top]);
  for (const [name, value] of Object.entries({ count: 0, kill: call, mode }))
    fs.writeFileSync(lab.at(name), `${value}\n`);
  const child = spawn(process.execPath, [main, JSON.stringify(request)], {
    env: { PATH: lab.env.PATH, HOME: lab.at("home") },
    stdio: "ignore",
  });
  return await new Promise((resolve) => child.on("close", (_, signal) => resolve(signal === "SIGKILL")));
};

const staged = ["A  new-staged.txt", "M  s.txt", " M u.txt"];

const expectWhole = () => {
  expect(lab.git("status", "--porcelain").split("\n")).toEqual(staged);
  expect(lab.git("log", "-1", "--format=%s")).toBe("Merge session 'fix'");
  expect(lab.get("a.txt")).toBe(lines("a", { 0: "agent", 5: "host" }));
  expect(lab.get("d.txt")).toBe(lines("d", { 1: "mine", 2: "agent" }));
  expect([lab.get("n.txt"), lab.get("deep/n.txt"), lab.get("u.txt"), lab.get("s.txt")]).toEqual([
    lines("n"),
    "n\n",
    "dirty\n",
    "staged\n",
  ]);
  expect(fs.existsSync(path.join(lab.top, "b.txt"))).toBe(false);
  expectTidy();
};

const expectTidy = () => {
  expect(litterOf(lab)).toEqual([]);
  expect(lab.tryIn(lab.top, ["fsck", "--full", "--strict"])).toMatchObject({ code: 0 });
  const rooms = path.join(lab.host.places.state, "imports");
  expect(fs.readdirSync(rooms).flatMap((room) => fs.readdirSync(path.join(rooms, room)))).toEqual(["lock"]);
};

/** The calls towards the end are those between which cordon itself changes something. */
const changing = 14;

test("killed before any call, or after one of the last, it is finished by the same merge", async () => {
  expect(await killAt("none", 0)).toBe(false);
  expectWhole();
  const calls = countCalls(lab);
  expect(calls).toBeGreaterThan(20);
  for (const [mode, first] of [
    ["before", 1],
    ["after", calls - changing],
  ] as const)
    for (let call = first; call <= calls; call++) {
      expect(await killAt(mode, call)).toBe(true);
      const again = await lab.merge(session);
      // Whatever had happened before: everything is there, once.
      if (again.kind !== "nothing") expect(again).toMatchObject({ kind: "merged", how: "merge" });
      expectWhole();
    }
}, 240_000);

test("killed in the middle of the files, it is finished by the same merge", async () => {
  expect(await killAt("half", 0)).toBe(true);
  expect(lab.get("deep/n.txt")).toBe("");
  expect(await lab.merge(session)).toMatchObject({ kind: "merged", how: "merge" });
  expectWhole();
});

test("killed in the middle of the files, it is undone by another merge", async () => {
  expect(await killAt("half", 0)).toBe(true);
  expect(await lab.merge(other)).toMatchObject({ kind: "merged", how: "merge" });
  expect(lab.get("a.txt")).toBe(lines("a", { 5: "host", 9: "other" }));
  expect(lab.get("d.txt")).toBe(lines("d", { 1: "mine" }));
  expect(fs.existsSync(path.join(lab.top, "deep"))).toBe(false);
  expect(lab.git("status", "--porcelain").split("\n")).toEqual([" M d.txt", ...staged]);
  expectTidy();
});

test("what the user has done since is not undone", async () => {
  expect(await killAt("half", 0)).toBe(true);
  lab.put("n.txt", "mine by now\n");
  expect(await lab.merge(session)).toMatchObject({ kind: "refused", code: "untracked", paths: ["n.txt"] });
  expect(lab.get("n.txt")).toBe("mine by now\n");
  fs.rmSync(path.join(lab.top, "n.txt"));
  expect(await lab.merge(session)).toMatchObject({ kind: "merged" });
  expectWhole();
});

test("killed while the index changed hands, and work went on", async () => {
  expect(await killAt("none", 0)).toBe(false);
  expectWhole();
  const head = lab.git("rev-parse", "HEAD");
  const trees = { from: lab.git("rev-parse", "HEAD~1^{tree}"), to: lab.git("rev-parse", "HEAD^{tree}") };
  const move = { from: lab.git("rev-parse", "HEAD~1"), to: head };
  const journal = { session: session.id, name: "fix", ...trees, held: [], move, signature: "none" };
  // The index of before, and the lock that is the prepared one.
  const gitDir = path.join(lab.top, ".git");
  fs.copyFileSync(path.join(gitDir, "index"), path.join(gitDir, "cordon-merge.index"));
  fs.linkSync(path.join(gitDir, "cordon-merge.index"), path.join(gitDir, "index.lock"));
  fs.copyFileSync(lab.at("saved/.git/index"), path.join(gitDir, "index"));
  const room = path.join(lab.host.places.state, "imports", projectKey(gitDir));
  fs.writeFileSync(path.join(room, `${projectKey(gitDir)}-merge.json`), JSON.stringify(journal));
  expect(await lab.merge(session)).toEqual({ kind: "nothing" });
  expectWhole();
});
