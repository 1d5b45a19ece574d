import { expect } from "bun:test";
import { existsSync, readFileSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import type { Check } from "../conformance.ts";
import { secret } from "./world.ts";

const secretFiles = [
  ".ssh/id_ed25519",
  ".aws/credentials",
  ".netrc",
  ".cargo/credentials.toml",
  ".config/gh/hosts.yml",
];
const toolFiles = [
  ...[".nvm/versions/node/bin/marker", ".local/bin/marker", ".cargo/bin/marker", ".rustup/marker", ".pyenv/marker"],
  ...[".bun/bin/marker", ".deno/bin/marker", ".volta/marker", ".local/share/uv/marker", "go/bin/marker", "bin/marker"],
];

/** Tries to create and to write below each place; prints what worked. */
const writeTries = (places: string[]): string =>
  places.map((place) => `(: > '${place}') 2>/dev/null && echo 'wrote ${place}'`).join("; ");

/** What of the host is there inside, and what may be written. */
export const fileChecks: Check[] = [
  {
    name: "the project is shared both ways at once, and files made inside belong to the user",
    does: async ({ inside, write, project, uid }) => {
      write(path.join(project, "from-outside"), "outside\n");
      const { stdout } = await inside(
        "cat from-outside; echo inside > from-inside; mkdir made; stat -c %u from-inside",
      );
      expect(stdout).toBe(`outside\n${uid}\n`);
      expect(readFileSync(path.join(project, "from-inside"), "utf8")).toBe("inside\n");
      for (const name of ["from-inside", "made"]) expect(statSync(path.join(project, name)).uid).toBe(uid);
    },
  },
  {
    name: "home is hidden: no secret, no name",
    does: async ({ inside, write, home }) => {
      for (const name of secretFiles) write(path.join(home, name), secret);
      const { stdout } = await inside(
        `ls -A ~; cat ${secretFiles.map((name) => `~/${name}`).join(" ")} 2>/dev/null; ls -A ~/.ssh 2>/dev/null`,
      );
      expect(stdout).not.toContain(secret);
      const own = ["", ".bun", ".cache", ".cargo", "project"];
      expect(
        stdout
          .split("\n")
          .filter((line) => !own.includes(line))
          .join(),
      ).toBe("");
    },
  },
  {
    name: "what is written to home stays inside",
    does: async ({ inside, write, home }) => {
      write(path.join(home, ".profile"), "as it was\n");
      const { code } = await inside("echo inside > ~/.profile && echo inside > ~/.bashrc && cat ~/.profile");
      expect(code).toBe(0);
      expect(readFileSync(path.join(home, ".profile"), "utf8")).toBe("as it was\n");
      expect(existsSync(path.join(home, ".bashrc"))).toBe(false);
    },
  },
  {
    name: "tool chains of the home directory are there, read-only",
    does: async ({ inside, write, home }) => {
      for (const name of toolFiles) write(path.join(home, name), `${name}\n`);
      const files = toolFiles.map((name) => path.join(home, name));
      const { stdout } = await inside(
        `cat ${files.join(" ")}; ${writeTries(files.flatMap((file) => [file, `${file}2`]))}`,
      );
      expect(stdout).toBe(`${toolFiles.join("\n")}\n`);
      expect(files.map((file) => existsSync(`${file}2`))).toEqual(files.map(() => false));
    },
  },
  {
    name: "a program of the user's tool chain can be started by its name",
    does: async ({ run, write, home }) => {
      write(path.join(home, ".local/bin/greet"), "#!/bin/sh\necho greetings\n", 0o755);
      const env = { PATH: `${home}/.local/bin:/usr/bin:/bin` };
      expect((await run(["run", "--", "greet"], { env })).stdout).toBe("greetings\n");
    },
  },
  {
    name: "system directories and the root are read-only",
    does: async ({ inside }) => {
      const name = `conformance-${process.pid}`;
      const places = ["/", "/usr", "/usr/bin", "/etc", "/bin", "/lib", "/opt", "/proc/sys/kernel", "/run/.."];
      const files = places.map((place) => path.join(place, name));
      try {
        const { stdout } = await inside(`${writeTries(files)}; echo tried`);
        expect({ stdout, made: files.filter((file) => existsSync(file)) }).toEqual({ stdout: "tried\n", made: [] });
      } finally {
        for (const file of files) rmSync(file, { force: true });
      }
    },
  },
  {
    name: "/tmp, /var/tmp, /dev/shm and /run are private",
    does: async ({ inside, write }) => {
      const name = `conformance-${process.pid}-${Math.trunc(performance.now() * 1000)}`;
      const places = ["/tmp", "/var/tmp", "/dev/shm"];
      const planted = places.map((place) => write(path.join(place, `${name}-outside`), secret));
      try {
        const { stdout } = await inside(
          `cat ${planted.join(" ")} 2>/dev/null; ls -A /run; for d in ${places.join(" ")}; do echo x > $d/${name} || exit 1; done; echo made`,
        );
        expect(stdout).toMatch(/^(lock\n|user\n|cordon\n)*made\n$/);
        expect(places.filter((place) => existsSync(path.join(place, name)))).toEqual([]);
      } finally {
        for (const file of planted) rmSync(file);
      }
    },
  },
  {
    name: "a directory elsewhere is not there until it is named",
    does: async ({ inside, write, elsewhere }) => {
      const file = write(path.join(elsewhere, "data"), "data\n");
      expect((await inside(`cat ${file}`)).stdout).toBe("");
      expect((await inside(`cat ${file}`, ["--allow-readonly", elsewhere])).stdout).toBe("data\n");
    },
  },
  {
    name: "--add-dir is writable, with :ro and --allow-readonly it is not",
    does: async ({ inside, write, elsewhere }) => {
      const file = write(path.join(elsewhere, "data"), "data\n");
      const script = `cat ${file}; echo written > ${elsewhere}/new`;
      for (const flags of [
        ["--add-dir", `${elsewhere}:ro`],
        ["--allow-readonly", elsewhere],
      ]) {
        expect(await inside(script, flags)).toMatchObject({ stdout: "data\n", code: expect.not.stringMatching("0") });
        expect(existsSync(path.join(elsewhere, "new"))).toBe(false);
      }
      expect(await inside(script, ["--add-dir", elsewhere])).toMatchObject({ stdout: "data\n", code: 0 });
      expect(readFileSync(path.join(elsewhere, "new"), "utf8")).toBe("written\n");
    },
  },
  {
    name: "--deny-path hides a file and a directory of the project",
    does: async ({ inside, write, project }) => {
      write(path.join(project, ".env"), secret);
      write(path.join(project, "private/deep/key"), secret);
      write(path.join(project, "public"), "public\n");
      const { stdout } = await inside("cat .env private/deep/key public; ls -A private; echo x > private/new", [
        ...["--deny-path", path.join(project, ".env"), "--deny-path", path.join(project, "private")],
      ]);
      expect(stdout).toBe("public\n");
      expect(readFileSync(path.join(project, ".env"), "utf8")).toBe(secret);
      expect(existsSync(path.join(project, "private/new"))).toBe(false);
    },
  },
  {
    name: "denying wins over allowing the same path, in either order, and over a wider allowance",
    does: async ({ inside, write, elsewhere }) => {
      const file = write(path.join(elsewhere, "sub/data"), secret);
      const allow = ["--add-dir", elsewhere];
      const deny = ["--deny-path", elsewhere];
      for (const flags of [
        [...allow, ...deny],
        [...deny, ...allow],
        [...allow, "--deny-path", path.dirname(file)],
      ]) {
        expect((await inside(`cat ${file}`, flags)).stdout).toBe("");
      }
    },
  },
  {
    name: "a more specific allowance shows what lies below a denied path, and nothing beside it",
    does: async ({ inside, write, elsewhere }) => {
      write(path.join(elsewhere, "sub/data"), "shown\n");
      write(path.join(elsewhere, "beside"), secret);
      const flags = ["--deny-path", elsewhere, "--add-dir", path.join(elsewhere, "sub")];
      const { stdout } = await inside(`cat ${elsewhere}/sub/data ${elsewhere}/beside; ls -A ${elsewhere}`, flags);
      expect(stdout.replace(/^sub\n/m, "")).toBe("shown\n");
    },
  },
  {
    name: "commits come over, and the project's git directory is out of reach",
    does: async ({ inside, write, project, own }) => {
      const git = (...args: string[]) =>
        Bun.spawnSync(["git", "-c", "safe.directory=*", "-C", project, ...args], {
          env: { PATH: process.env["PATH"] ?? "", HOME: project },
        });
      git("init", "-q", "-b", "main");
      own();
      write(path.join(project, "file"), "text\n");
      const before = readFileSync(path.join(project, ".git/config"), "utf8");
      const identity = "-c user.name=n -c user.email=e@example.invalid";
      const { stdout } = await inside(
        [
          `git add file && git ${identity} commit -q -m message && git log --format=%s`,
          "git config core.fsmonitor ./x && echo x >> .git/config",
          "mkdir -p .git/hooks && echo x > .git/hooks/post-commit",
          "mv .git gone 2>/dev/null && echo moved",
          "true",
        ].join("; "),
      );
      expect(stdout).toBe("message\n");
      expect(readFileSync(path.join(project, ".git/config"), "utf8")).toBe(before);
      expect(existsSync(path.join(project, ".git/hooks/post-commit"))).toBe(false);
      expect(git("log", "--format=%s", "main").stdout.toString()).toBe("message\n");
    },
  },
];
