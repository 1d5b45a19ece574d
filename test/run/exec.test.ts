import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { cordonBinary } from "../binary.ts";
import { createLab, type Lab, until, users } from "./lab.ts";

setDefaultTimeout(90_000);

const facts = `
for n in user mnt pid net ipc uts cgroup; do readlink /proc/self/ns/$n; done
grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp|SigIgn|SigBlk)' /proc/self/status
ulimit -c; pwd; env | grep -v -e ^SHLVL= -e ^OLDPWD= -e ^_= | sort`;

/** Looks at every process that is called like cordon, and still is afterwards: for its executable, and its descriptors. */
const watcher = `
is_cordon() { read -r comm 2>/dev/null < $1/comm && [ "$comm" = cordon ]; }
while :; do for p in /proc/[0-9]*; do
  is_cordon $p || continue
  echo saw >> seen
  readlink $p/exe > /dev/null 2>&1 && is_cordon $p && echo exe >> seen
  readlink $p/fd/0 > /dev/null 2>&1 && is_cordon $p && echo fd >> seen
done; done`;

/** Signals 32 and 33 are the C library's own, which no program can set: there, what the test runner left behind stays. */
const withoutLibrarySignals = (shown: string): string =>
  shown.replace(/(?<=SigIgn:\t)[0-9a-f]{16}/, (set) =>
    (BigInt(`0x${set}`) & ~(3n << 31n)).toString(16).padStart(16, "0"),
  );

for (const { name, uid } of users) {
  describe(`cordon exec as ${name}`, () => {
    let lab: Lab;
    beforeEach(() => {
      lab = createLab(uid);
    });
    afterEach(() => lab.close());

    test("stands behind the very same boundary as the command", async () => {
      const file = path.join(lab.at("project"), "facts");
      const { id } = await lab.start(`( ${facts} ) > facts; sleep 600`);
      await until(() => fs.existsSync(file) && fs.readFileSync(file, "utf8").includes("XDG_RUNTIME_DIR"));
      const joined = lab.cordon(["exec", id, "--", "sh", "-c", facts]);
      expect({ code: joined.code, stderr: joined.stderr }).toEqual({ code: 0, stderr: "" });
      expect(joined.stdout).toBe(withoutLibrarySignals(fs.readFileSync(file, "latin1")));
      expect(joined.stdout).toContain("NoNewPrivs:\t1");
      expect(joined.stdout).toContain("Seccomp:\t2");
      for (const set of ["Inh", "Prm", "Eff", "Bnd", "Amb"])
        expect(joined.stdout).toContain(`Cap${set}:\t0000000000000000`);
      expect(joined.stdout).not.toContain("planted-secret");
    });

    test("brings no descriptor in, leads a session of its own, and sees the command's processes and files", async () => {
      const { id } = await lab.start("echo there > /tmp/private; sleep 600");
      const shown = lab.cordon(["exec", id, "sh", "-c", "ls /proc/self/fd | tr '\\n' ' '; cat /tmp/private"]);
      // The fourth is the directory that `ls` reads.
      expect(shown.stdout).toBe("0 1 2 3 there\n");
      const session = lab.cordon(["exec", id, "sh", "-c", "echo $$; cut -d' ' -f5,6 /proc/$$/stat"]).stdout;
      const [pid, groups] = session.trim().split("\n");
      expect(groups).toBe(`${pid} ${pid}`);
    });

    test("passes bytes and exit codes on, and says what cannot be run", async () => {
      const { id } = await lab.start("sleep 600");
      const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7 + (index >> 8)) & 0xff));
      expect(Buffer.from(lab.cordon(["exec", id, "cat"], { input: bytes }).stdout, "latin1").equals(bytes)).toBe(true);
      expect(lab.cordon(["exec", id, "sh", "-c", "exit 42"]).code).toBe(42);
      expect(lab.cordon(["exec", id, "sh", "-c", "kill -9 $$"]).code).toBe(137);
      expect(lab.cordon(["exec", id, "sh", "-c", "kill -TERM $$"]).code).toBe(143);
      expect(lab.cordon(["exec", id, "no-such-program"]).code).toBe(127);
      expect(lab.cordon(["exec", id, "/etc/passwd"]).code).toBe(126);
      expect(lab.cordon(["exec", "nobody", "true"]).stderr).toContain("no running sandbox");
    });

    test("hands signals on, and ends with the sandbox", async () => {
      const { id, ended } = await lab.start("sleep 600");
      const flag = (name: string) => path.join(lab.at("project"), name);
      const script = 'trap "touch caught; exit 7" TERM; touch armed; while :; do sleep 0.1; done';
      const joined = lab.launch(["exec", id, "sh", "-c", script]);
      await until(() => fs.existsSync(flag("armed")));
      process.kill(joined.pid, "SIGTERM");
      expect(await joined.ended).toBe(7);
      expect(fs.existsSync(flag("caught"))).toBe(true);
      const second = lab.launch(["exec", id, "sh", "-c", "touch second; sleep 600"]);
      await until(() => fs.existsSync(flag("second")));
      expect(lab.cordon(["stop", id]).code).toBe(0);
      expect(await second.ended).toBe(137);
      expect(await ended).toBe(143);
    });

    test("a killed `cordon exec` leaves no process and no file", async () => {
      const { id } = await lab.start("sleep 600");
      const joined = lab.launch(["exec", id, "sh", "-c", "touch here; exec sleep 611"]);
      await until(() => fs.existsSync(path.join(lab.at("project"), "here")));
      process.kill(joined.pid, "SIGKILL");
      await joined.ended;
      const sleeping = () => lab.cordon(["exec", id, "sh", "-c", "cat /proc/*/cmdline | tr '\\0' ' '"]).stdout;
      await until(() => !sleeping().includes("sleep 611"));
      expect(lab.cordon(["stop", id]).code).toBe(0);
      expect(fs.readdirSync(lab.runs)).toEqual([]);
    });

    // strace holds the entering process where it has no rights any more, but is not the program yet.
    const delay = ["-e", "trace=capset,prctl", "-e", "inject=capset:delay_exit=1500000"];
    const cases = [
      { title: "is closed to everybody inside while it comes in", options: delay, finds: "saw\n" },
      {
        title: "would be open to them, were it dumpable (so the test above can fail)",
        options: [...delay, "-e", "inject=prctl:retval=0"],
        finds: "exe\nfd\nsaw\n",
      },
    ];
    for (const { title, options, finds } of cases) {
      test(title, async () => {
        const { id } = await lab.start(watcher);
        const [file, args] = lab.words(["exec", id, "true"]);
        const words = [file, ...args];
        words.splice(words.indexOf(cordonBinary()), 0, "strace", "-f", "-o", "/dev/null", ...options);
        const done = Bun.spawnSync(words, { cwd: lab.at("project"), env: lab.env, timeout: 60_000 });
        expect(done.stderr.toString()).toBe("");
        const seen = fs.readFileSync(path.join(lab.at("project"), "seen"), "utf8");
        expect(`${[...new Set(seen.trim().split("\n"))].sort().join("\n")}\n`).toBe(finds);
      });
    }

    test("refuses inside a sandbox", async () => {
      const { id } = await lab.start("sleep 600");
      const [file, args] = lab.words(["exec", id, "true"]);
      const env = { ...lab.env, CORDON_SANDBOX: "1" };
      const done = Bun.spawnSync([file, ...args], { cwd: lab.at("project"), env });
      expect(done.exitCode).toBe(125);
    });
  });
}

test.skipIf(process.getuid?.() !== 0)("comes under the same limits", async () => {
  const lab = createLab(0);
  try {
    const { id } = await lab.start("sleep 600", ["--pids", "64"]);
    // The shell itself makes the file: no other process is there that could end meanwhile.
    const joined = lab.launch(["exec", id, "sh", "-c", ": > here; exec sleep 600"]);
    await until(() => fs.existsSync(path.join(lab.at("project"), "here")));
    const groups = lab.recordOf(id)!.join.groups;
    expect(groups.length).toBeGreaterThan(0);
    const first = lab.firstProcess(id);
    const namespace = fs.readlinkSync(`/proc/${first}/ns/pid`);
    const outside = fs.readdirSync("/proc").filter((pid) => {
      try {
        return fs.readlinkSync(`/proc/${pid}/ns/pid`) === namespace;
      } catch {
        return false;
      }
    });
    expect(outside.length).toBeGreaterThanOrEqual(4);
    for (const group of groups) {
      const members = fs.readFileSync(path.join(group, "cgroup.procs"), "utf8").split("\n");
      for (const pid of outside) expect(members).toContain(pid);
    }
    const bomb = "i=0; while [ $i -lt 200 ]; do sleep 5 & i=$((i+1)); done; true";
    expect(lab.cordon(["exec", id, "sh", "-c", bomb]).stderr).toMatch(/fork/i);
    process.kill(joined.pid, "SIGKILL");
  } finally {
    lab.close();
  }
});
