import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { createLab, type Lab, until, users } from "./lab.ts";

setDefaultTimeout(90_000);

for (const { name, uid } of users) {
  describe(`ps, stop and clean as ${name}`, () => {
    let lab: Lab;
    beforeEach(() => {
      lab = createLab(uid);
    });
    afterEach(() => lab.close());
    const ids = () => (JSON.parse(lab.cordon(["ps", "--json"]).stdout) as { id: string }[]).map(({ id }) => id);

    test("two runs on one project are told apart", async () => {
      const first = await lab.start("sleep 600");
      const second = await lab.start("sleep 600");
      expect(ids()).toEqual([first.id, second.id]);
      const [header, ...rows] = lab.cordon(["ps"]).stdout.trim().split("\n");
      expect(header).toMatch(/^ID +AGENT +SESSION +BACKEND +AGE +PID +PROJECT$/);
      expect(rows.map((row) => row.split(/ +/).slice(0, 4))).toEqual([
        [first.id, "run", "-", "native"],
        [second.id, "run", "-", "native"],
      ]);
      const ambiguous = lab.cordon(["exec", "project", "true"]);
      expect(ambiguous.code).toBe(125);
      expect(ambiguous.stderr).toContain(`${first.id}, ${second.id}`);
      expect(lab.cordon(["stop", second.id])).toEqual({ code: 0, stdout: `${second.id}\n`, stderr: "" });
      expect(await second.ended).toBe(143);
      expect(lab.cordon(["exec", "project", "true"]).code).toBe(0);
      expect(lab.cordon(["stop", "--all"]).stdout).toBe(`${first.id}\n`);
      expect(fs.readdirSync(lab.runs)).toEqual([]);
    });

    test("stop asks once and then kills, also a stopped cordon", async () => {
      const deaf = await lab.start('trap "" TERM HUP INT; while :; do sleep 1; done');
      const frozen = await lab.start("sleep 600");
      const first = lab.firstProcess(frozen.id);
      process.kill(frozen.pid, "SIGSTOP");
      expect(lab.cordon(["stop", deaf.id, frozen.id]).code).toBe(0);
      expect(await deaf.ended).toBe(137);
      expect(await frozen.ended).toBe(137);
      expect(fs.existsSync(`/proc/${first}`)).toBe(false);
      expect(fs.readdirSync(lab.runs)).toEqual([]);
    });

    test("a hang-up that `nohup` ignores ends nothing", async () => {
      const survives = async (prefix: string[]): Promise<boolean> => {
        const flag = path.join(lab.at("project"), `hung-up-${prefix.length}`);
        const script = `touch ${flag}; sleep 1; exit 7`;
        const [program, args] = lab.words(["run", "--", "sh", "-c", script]);
        const [file, ...words] = [...prefix, program, ...args];
        const child = spawn(file!, words, { cwd: lab.at("project"), env: lab.env, stdio: "ignore" });
        const code = new Promise<number | null>((resolve) => child.on("exit", resolve));
        await until(() => fs.existsSync(flag));
        child.kill("SIGHUP");
        return (await code) === 7;
      };
      expect(await survives(["nohup"])).toBe(true);
      expect(await survives([])).toBe(false);
    });

    test("stop wants to be told what", () => {
      expect(lab.cordon(["stop"]).code).toBe(125);
      expect(lab.cordon(["stop", "nobody"]).code).toBe(125);
      expect(lab.cordon(["stop", "--all"])).toEqual({ code: 0, stdout: "", stderr: "" });
    });

    test("records that cordon did not write do no harm", async () => {
      const { id } = await lab.start("sleep 600");
      const good = JSON.parse(fs.readFileSync(path.join(lab.runs, id, "run.json"), "utf8"));
      const victim = path.join(lab.directory, "victim");
      fs.mkdirSync(victim);
      const hostile: Record<string, string> = {
        empty: "",
        none: "null",
        list: "[]",
        number: "1",
        deep: "[".repeat(100_000),
        proto: '{"__proto__": {"id": "proto"}, "pid": {}}',
        wrong: JSON.stringify({ ...good, id: "wrong", teardown: [{ kind: "remove-everything", path: victim }] }),
        relative: JSON.stringify({ ...good, id: "relative", teardown: [{ kind: "remove-directory", path: "../.." }] }),
        other: JSON.stringify({ ...good, pid: 2 ** 30 }),
        all: JSON.stringify({ ...good, id: "all", pid: -1 }),
      };
      for (const [name, text] of Object.entries(hostile)) {
        fs.mkdirSync(path.join(lab.runs, name));
        fs.writeFileSync(path.join(lab.runs, name, "run.json"), text);
        for (const part of [name, `${name}/run.json`]) fs.chownSync(path.join(lab.runs, part), uid, uid);
      }
      expect(ids()).toEqual([id]);
      expect(lab.cordon(["clean"]).code).toBe(0);
      expect(fs.readdirSync(lab.runs)).toEqual([id]);
      expect(fs.existsSync(victim)).toBe(true);
    });

    test("foreign text is shown, not obeyed", async () => {
      const project = path.join(lab.at("project"), "a\x1b[2J\u202eb\nc");
      fs.mkdirSync(project);
      const { id } = await lab.start("sleep 600");
      const file = path.join(lab.runs, id, "run.json");
      fs.writeFileSync(file, JSON.stringify({ ...JSON.parse(fs.readFileSync(file, "utf8")), project }));
      const shown = lab.cordon(["ps"]).stdout;
      expect(shown).toContain("a\\x1b[2J\\u{202e}b\\nc");
      expect(shown.trim().split("\n")).toHaveLength(2);
    });

    test("clean shows what it would remove, removes it, and leaves running sandboxes alone", async () => {
      const alive = await lab.start("sleep 600");
      const dead = await lab.start("sleep 600");
      process.kill(dead.pid, "SIGKILL");
      await dead.ended;
      fs.mkdirSync(path.join(lab.runs, `.0badbeef.${dead.pid}`));
      fs.chownSync(path.join(lab.runs, `.0badbeef.${dead.pid}`), uid, uid);
      const trial = lab.cordon(["clean", "--dry-run"]).stdout;
      expect(trial).toContain(`run ${dead.id}`);
      expect(trial).toContain(`.0badbeef.${dead.pid}`);
      expect(trial).not.toContain(alive.id);
      expect(fs.readdirSync(lab.runs)).toHaveLength(3);
      expect(lab.cordon(["clean"]).stdout).toBe(trial);
      expect(fs.readdirSync(lab.runs)).toEqual([alive.id]);
      expect(lab.cordon(["exec", alive.id, "true"]).code).toBe(0);
      expect(lab.cordon(["clean"]).stdout).toBe("nothing to remove\n");
      expect(lab.cordon(["clean", "--json"]).stdout).toBe("[]\n");
    });
  });
}
