import { afterAll, describe, expect, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { cordonBinary } from "../binary.ts";
import { createLab, type Lab, processesWith, until, users } from "../run/lab.ts";
import { useOverlayProgram, withOverlay } from "./overlay-program.ts";

/** Real runs over an overlay, by whoever may start one: everything else about a run is as without. */

const program = useOverlayProgram();
const labs: Lab[] = [];
afterAll(() => {
  for (const lab of labs) lab.close();
});

const open = (uid: number) => {
  const lab = createLab(uid);
  labs.push(lab);
  const room = path.join(lab.at("home"), ".local/state/cordon/sessions/k/s1/room");
  const sh = (script: string): string => {
    const [file, args] = lab.words([]);
    const words = [file, ...args].slice(0, -1);
    const argv = [...words, "/bin/sh", "-ec", script];
    const done = spawnSync(argv[0]!, argv.slice(1), { cwd: lab.at("project"), env: lab.env, encoding: "utf8" });
    if (done.status !== 0) throw new Error(`${script}: ${done.stderr}`);
    return done.stdout;
  };
  const wordsOf = (mode: string, args: string[]) =>
    withOverlay(lab.words([`${mode}:${room}`, ...args]), cordonBinary(), program);
  sh(`mkdir -p ${["lower", "upper", "work", "merged"].map((name) => `${room}/${name}`).join(" ")} dir/inner
    echo a > a; echo b > dir/b; echo c > dir/inner/c`);
  const before = sh("find . -type f | sort | xargs tail -n +1");
  const run = (script: string, { flags = [] as string[], mode = "rw", env = {} } = {}) => {
    const [file, args] = wordsOf(mode, ["run", ...flags, "--", "sh", "-c", script]);
    const options = { cwd: lab.at("project"), env: { ...lab.env, ...env }, timeout: 60_000, encoding: "utf8" as const };
    const { status, stdout, stderr } = spawnSync(file, args, options);
    return { status, stdout, stderr };
  };
  /** Starts one that waits, and gives its id when its command is there. */
  const start = async (script: string, flags: string[] = []) => {
    const [file, args] = wordsOf("rw", ["run", ...flags, "--", "sh", "-c", `touch up; ${script}`]);
    const child = spawn(file, args, { cwd: lab.at("project"), env: lab.env, stdio: "ignore" });
    const ended = new Promise<number | null>((resolve) => child.on("exit", resolve));
    await until(() => fs.existsSync(`${room}/upper/up`));
    return { id: fs.readdirSync(lab.runs)[0]!, pid: child.pid!, ended };
  };
  const isUntouched = () => sh("find . -type f | sort | xargs tail -n +1") === before;
  return { lab, room, sh, run, start, isUntouched };
};

const mountsOf = (word: string) => fs.readFileSync("/proc/self/mountinfo", "utf8").includes(word);

describe.each(users)("as $name", ({ uid }) => {
  test("what is done inside stays in the room, and is there in the next run", () => {
    const { lab, room, run, isUntouched } = open(uid);
    const change =
      "set -e; echo more >> a; rm -r dir/inner; mkdir dir/inner; mv dir moved; mkdir dir; echo n > dir/n; rm a";
    expect(run(change)).toEqual({ status: 0, stdout: "", stderr: "" });
    const look = "find . | sort; cat moved/b dir/n; stat -c %u:%g moved/b; touch again";
    const expected = `.\n./dir\n./dir/n\n./moved\n./moved/b\n./moved/inner\nb\nn\n${uid}:${uid}\n`;
    expect(run(look)).toEqual({ status: 0, stdout: expected, stderr: "" });
    expect(isUntouched()).toBe(true);
    expect(fs.readdirSync(path.join(room, "merged"))).toEqual([]);
    expect(fs.readdirSync(path.join(room, "upper")).sort()).toEqual(["a", "again", "dir", "moved"]);
    expect(mountsOf(lab.directory)).toBe(false);
  });

  test("read-only, it shows the same and takes nothing", () => {
    const { run } = open(uid);
    run("rm a; echo n > n");
    const { stdout, status } = run("ls; touch n a 2>&1", { mode: "ro" });
    expect(stdout).toMatch(/^dir\nn\n.*Read-only file system\n.*Read-only file system\n$/s);
    expect(status).not.toBe(0);
  });

  test.each(["standard", "open", "strict"])("the room is out of sight (preset %s)", (preset) => {
    const { lab, room, run, sh } = open(uid);
    sh(`echo upper > ${room}/upper/only-there; touch ${room}/planted`);
    const script = `find ${lab.directory} -name only-there -o -name planted; ls -d ${room} ${room}/upper ${room}/merged
      grep -c s1/room /proc/self/mountinfo`;
    expect(run(script, { flags: ["--preset", preset] }).stdout).toBe(`${lab.at("project")}/only-there\n0\n`);
  });

  test.each(["none", "filtered", "open"])("in network %s: exit status, limits of the boundary", (network) => {
    const { run, isUntouched } = open(uid);
    const look =
      "unshare -Ur true 2>/dev/null && echo nested; grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status";
    const { stdout, status } = run(`${look}; echo x > a; exit 7`, { flags: ["--net", network] });
    expect(stdout).toBe("CapEff:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n");
    expect([status, isUntouched()]).toEqual([7, true]);
  });

  test("exec joins it, signals reach it, stop ends it", async () => {
    const { lab, start, isUntouched } = open(uid);
    const { id, ended } = await start("trap 'echo hup > got' HUP; while :; do sleep 0.1; done");
    const inside = (script: string) => lab.cordon(["exec", id, "--", "sh", "-c", script]);
    expect(inside("ls; echo joined > joined")).toMatchObject({ code: 0, stdout: "a\ndir\nup\n" });
    expect(inside("cat joined")).toMatchObject({ stdout: "joined\n" });
    expect(lab.cordon(["stop", id])).toMatchObject({ code: 0 });
    await ended;
    expect([isUntouched(), mountsOf(lab.directory), processesWith(lab.directory)]).toEqual([true, false, []]);
  });

  test("a signal to cordon is one to the command", async () => {
    const { room, start } = open(uid);
    const { pid, ended } = await start("trap 'echo $? > got; exit 3' TERM; while :; do sleep 0.1; done");
    process.kill(pid, "SIGTERM");
    expect([await ended, fs.existsSync(`${room}/upper/got`)]).toEqual([3, true]);
  });

  test("after SIGKILL nothing runs, nothing is mounted, and the next run goes on", async () => {
    const { lab, room, run, start, isUntouched } = open(uid);
    const { pid, ended } = await start("echo kept > kept; echo done > up2; while :; do sleep 0.1; done");
    await until(() => fs.existsSync(`${room}/upper/up2`));
    process.kill(pid, "SIGKILL");
    await ended;
    await until(() => processesWith(lab.directory).length === 0);
    expect([mountsOf(lab.directory), isUntouched()]).toEqual([false, true]);
    expect(run("cat kept")).toMatchObject({ stdout: "kept\n", status: 0 });
  });

  test.each(["none", "filtered"])("a mount that fails is an error, and nothing starts (network %s)", (network) => {
    const { room, run, sh, isUntouched } = open(uid);
    sh(`rmdir ${room}/upper`);
    const { status, stdout, stderr } = run("echo started; echo x > a", { flags: ["--net", network] });
    expect({ status, stdout }).toEqual({ status: 125, stdout: "" });
    expect(stderr).toMatch(
      /^cordon: the session's files cannot be laid over the project's: mount: .*\nerror: .*did not start.*\nhint: .*\n$/,
    );
    expect(isUntouched()).toBe(true);
  });

  test("a bubblewrap that belongs to the user cannot be written from inside", () => {
    const { lab, run, sh } = open(uid);
    const own = path.join(lab.at("home"), "bin");
    sh(`mkdir ${own}; cp $(command -v bwrap) ${own}/bwrap`);
    const env = { PATH: `${own}:${lab.env.PATH}` };
    const script = "readlink /proc/1/exe; [ -O /proc/1/exe ] && echo own; [ -w /proc/1/exe ] || echo closed";
    expect(run(script, { env }).stdout).toBe(`${own}/bwrap\nown\nclosed\n`);
  });
});
