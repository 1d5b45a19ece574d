import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { createLab, type Lab, processesWith, until, users } from "./lab.ts";

/** However a run ends, what was there before is there after it, and nothing else. */

setDefaultTimeout(240_000);

const git = (lab: Lab, uid: number, script: string): void => {
  const env = { HOME: lab.at("home"), PATH: lab.env.PATH };
  const done = spawnSync("/bin/sh", ["-ec", script], {
    cwd: lab.at("project"),
    env,
    ...(uid > 0 && { uid, gid: uid }),
  });
  if (done.status !== 0) throw new Error(`${script}: ${done.stderr}`);
};

/** A project with everything that something is mounted over: `.git` of three kinds, secrets, settings of an agent. */
const projectScript = `
  set_up() { git init -q -b main $1; git -C $1 -c user.name=A -c user.email=a@b commit -q --allow-empty -m 1; }
  set_up . ; set_up vendor/deep; set_up other
  git -c protocol.file.allow=always submodule -q add $PWD/other sub; git worktree add -q tree
  echo KEY=1 > .env; mkdir .claude; echo '{}' > .claude/settings.json; echo '{"mcpServers":{}}' > .mcp.json
  git add .env .claude .mcp.json; git -c user.name=A -c user.email=a@b commit -q -m 2`;

/** Every name with kind, mode and bytes. Logs grow, and a clock's time is none of it. */
const inventory = (lab: Lab): string[] => {
  const places = ["home", "runtime", "project"].map((name) => lab.at(name as "home"));
  const below = [...places, path.join(lab.directory, "tmp")].flatMap((place) =>
    fs.readdirSync(place, { recursive: true, encoding: "utf8" }).map((name) => path.join(place, name)),
  );
  return below.sort().map((file) => {
    const stat = fs.lstatSync(file);
    const isOurs = file.startsWith(lab.at("project"));
    const bytes = isOurs && stat.isFile() ? Bun.hash(fs.readFileSync(file)) : "";
    return `${path.relative(lab.directory, file)} ${isOurs ? stat.mode : stat.mode & 0o170000} ${bytes}`;
  });
};

const mounts = () => fs.readFileSync("/proc/self/mounts", "utf8");

const textOf = (file: string): string => {
  try {
    return fs.readFileSync(file, "latin1");
  } catch {
    return "";
  }
};

const hiding = ["--deny-path", ".env", "--deny-path", "missing/.env"];

const ways: [what: string, args: string[]][] = [
  ["it ends well", ["run", "--", "true"]],
  ["it fails", ["run", "--", "false"]],
  ["there is no such command", ["run", "--", "no-such-command"]],
  ["paths are hidden from it", ["run", "--deny-path", ".env", "--hide-secrets", "--", "true"]],
  ["it hides what does not exist", ["run", ...hiding, "--", "true"]],
  ["its time is over", ["run", "--timeout", "1s", "--", "sleep", "60"]],
  ["an agent runs", ["claude", "-p", "x"]],
];

for (const { name, uid } of users) {
  describe(`nothing is left, as ${name}`, () => {
    let lab: Lab & { env: { TMPDIR: string } };

    beforeAll(() => {
      const made = createLab(uid);
      const TMPDIR = path.join(made.directory, "tmp");
      const bin = path.join(made.directory, "bin");
      lab = Object.assign(made, { env: Object.assign(made.env, { TMPDIR, PATH: `${bin}:${made.env.PATH}` }) });
      for (const place of [TMPDIR, bin]) fs.mkdirSync(place, { mode: 0o755 });
      fs.chownSync(TMPDIR, uid, uid);
      fs.writeFileSync(path.join(bin, "claude"), "#!/bin/sh\nexit 0\n", { mode: 0o755 });
      git(lab, uid, projectScript);
      // The first run makes what stays: private git directories, caches, what the host keeps for them.
      for (const args of [
        ["run", "--", "true"],
        ["claude", "-p", "x"],
      ]) {
        const done = lab.cordon(args);
        if (done.code !== 0) throw new Error(done.stderr);
      }
    });
    afterAll(() => lab.close());

    const settled = async () => {
      // What was killed may take a moment to be gone from a busy machine.
      for (let turn = 0; turn < 100 && processesWith(lab.directory).length > 0; turn++) await Bun.sleep(50);
      return processesWith(lab.directory);
    };

    const expectUnchanged = async (work: () => Promise<unknown>) => {
      const [before, mounted] = [inventory(lab), mounts()];
      await work();
      expect(await settled()).toEqual([]);
      expect(inventory(lab)).toEqual(before);
      expect(mounts()).toBe(mounted);
    };

    test.each(ways)("when %s", async (_what, args) => {
      await expectUnchanged(async () => lab.cordon(args));
    });

    const signals = ["SIGTERM", "SIGHUP", "SIGINT"] as const;

    test.each(signals)("when %s comes while it works", async (signal) => {
      await expectUnchanged(async () => {
        const { pid, ended } = lab.launch(["run", "--", "sleep", "60"]);
        await until(() => sleeperOf(pid) !== undefined);
        process.kill(pid, signal);
        await ended;
      });
    });

    /** Ends cordon after ever longer, from before its first step until its command runs. */
    const endAnywhere = async (signal: NodeJS.Signals, afterwards: () => Promise<void>) => {
      const [before, mounted] = [inventory(lab), mounts()];
      const ofProject = (lines: string[]) => lines.filter((line) => line.startsWith("project/"));
      for (let round = 0; round < 16; round++) {
        const { pid, ended } = lab.launch(["run", "--deny-path", ".env", "--", "sleep", "60"]);
        await Bun.sleep(10 * round);
        process.kill(pid, signal);
        await ended;
        await afterwards();
        expect(ofProject(inventory(lab))).toEqual(ofProject(before));
        expect(mounts()).toBe(mounted);
      }
      const listed = lab.cordon(["clean", "--dry-run"]).stdout;
      for (const id of fs.readdirSync(lab.runs)) expect(listed).toContain(id);
      expect(lab.cordon(["run", "--", "true"]).code).toBe(0);
      expect(await settled()).toEqual([]);
      expect(inventory(lab)).toEqual(before);
      expect(lab.cordon(["clean", "--dry-run"]).stdout).toBe("nothing to remove\n");
    };

    test.each(signals)("when %s comes while it starts: nothing goes on, and the next start clears the rest", (signal) =>
      endAnywhere(signal, async () => expect(await settled()).toEqual([])),
    );

    test("when cordon is killed at any moment: the project is untouched, and the next start clears the rest", () =>
      endAnywhere("SIGKILL", async () => {}));

    /** The command of a run, once it is there. */
    const sleeperOf = (pid: number): number | undefined =>
      processesWith(lab.directory).find((one) => {
        const words = textOf(`/proc/${one}/cmdline`).split("\0");
        return words[0] === "/usr/bin/sleep" && one !== pid;
      });
  });
}

/** The script runs with mounts of its own, in which `small` is a file system that has no space left. */
const withFullDisk = (lab: Lab, small: string, script: string) => {
  const copy = `${small}.copy`;
  const words = `
    cp -a ${small} ${copy}; mount -t tmpfs -o size=24m tmpfs ${small}; cp -a ${copy}/. ${small}
    list() { find ${lab.directory} -path '*/fill' -o -path ${copy} -prune -o -printf '%P %y\\n' | sort; }
    ${script}`;
  const own = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"];
  const done = spawnSync("unshare", ["--mount", ...own, "/bin/sh", "-ec", words], { cwd: "/", env: lab.env });
  fs.rmSync(copy, { recursive: true, force: true });
  if (done.status !== 0) throw new Error(`${done.stdout}${done.stderr}`);
  return done.stdout.toString();
};

describe("on a full disk", () => {
  const lab = createLab(process.getuid?.() ?? 0);
  const [program] = lab.words([]);
  afterAll(() => lab.close());
  beforeAll(() => {
    git(lab, 0, "git init -q -b main . ; git -c user.name=A -c user.email=a@b commit -q --allow-empty -m 1");
    expect(lab.cordon(["run", "--", "true"]).code).toBe(0);
  });

  test.each(["project", "home", "runtime"] as const)("of the %s: nothing is left once there is space", (place) => {
    const said = withFullDisk(
      lab,
      lab.at(place),
      `cd ${lab.at("project")}; list > /dev/shm/cordon-$$; head -c 64m /dev/zero > ${lab.at(place)}/fill || true
      ${program} run -- sh -c 'echo > note; git commit -q --allow-empty -m agent' || echo "status $?"
      rm -f note; list | grep '^project' | diff /dev/shm/cordon-$$ - | grep '^>' || true
      rm ${lab.at(place)}/fill; ${program} run -- true; ${program} clean > /dev/null
      list | grep -v 'project/.git/\\|live/[^/]*/git/' | diff /dev/shm/cordon-$$ - | grep '^>' || true
      rm /dev/shm/cordon-$$; ${program} clean --dry-run`,
    );
    expect(said).toEndWith("nothing to remove\n");
    expect(said.match(/^[<>].*/gm) ?? []).toEqual([]);
  });
});
