import { expect } from "bun:test";
import path from "node:path";
import type { Check } from "../conformance.ts";
import { secret } from "./world.ts";

const hostSecrets = {
  AWS_SECRET_ACCESS_KEY: secret,
  GITHUB_TOKEN: secret,
  DATABASE_URL: `postgres://user:${secret}@db.invalid/x`,
  SSH_AUTH_SOCK: `/tmp/${secret}`,
  ANTHROPIC_API_KEY: secret,
  UNHEARD_OF: secret,
};

const parse = (stdout: string): Record<string, string> =>
  Object.fromEntries(
    stdout
      .split("\0")
      .filter(Boolean)
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );

/** What of the user's environment is there inside. */
export const environmentChecks: Check[] = [
  {
    name: "the environment is an allow-list, also that of the sandbox's first process",
    does: async ({ inside }) => {
      const env = { ...hostSecrets, LANG: "C.UTF-8", LC_TIME: "C", EDITOR: "ed" };
      const { stdout } = await inside("cat /proc/*/environ 2>/dev/null; env -0", [], { env });
      expect(stdout).not.toContain(secret);
      expect(parse(stdout)).toMatchObject({ LANG: "C.UTF-8", LC_TIME: "C", EDITOR: "ed", TERM: "xterm" });
    },
  },
  {
    name: "HOME, PATH, PWD and TMPDIR are right and usable",
    does: async ({ inside, home, project }) => {
      const { stdout } = await inside("test -d $HOME && mktemp >/dev/null && test -w $HOME && env -0");
      expect(parse(stdout)).toMatchObject({
        HOME: home,
        PWD: project,
        TMPDIR: "/tmp",
        PATH: "/usr/local/bin:/usr/bin:/bin",
      });
    },
  },
  {
    name: "PATH inside has no relative entry and none of the project",
    does: async ({ inside, project }) => {
      const env = { PATH: `.:${project}/node_modules/.bin::/usr/bin:/bin` };
      expect((await inside("echo $PATH", [], { env })).stdout).toBe("/usr/bin:/bin\n");
    },
  },
  {
    name: "variables that steer loaders and runtimes stay outside",
    does: async ({ inside }) => {
      const steering = { NODE_OPTIONS: "--title=x", BASH_ENV: "/dev/null", ENV: "/dev/null", LD_BIND_NOW: "1" };
      const { stdout } = await inside("env -0", [], { env: { ...steering, BUN_CONFIG_VERBOSE_FETCH: "x" } });
      expect(Object.keys(parse(stdout)).filter((name) => name in steering || name.startsWith("BUN_"))).toEqual([]);
    },
  },
  {
    name: "--env and --env-file set variables; a bare name takes the value it has outside",
    does: async ({ inside, write, project }) => {
      const file = write(path.join(project, "vars"), "FROM_FILE='a b'\n# comment\nexport OTHER=\"x=y\"\n");
      const flags = ["--env", "GIVEN=a=b c", "--env", "TAKEN", "--env-file", file];
      const { stdout } = await inside("env -0", flags, { env: { TAKEN: "outside", NOT_TAKEN: "x" } });
      const found = parse(stdout);
      expect(found).toMatchObject({ GIVEN: "a=b c", TAKEN: "outside", FROM_FILE: "a b", OTHER: "x=y" });
      expect(found["NOT_TAKEN"]).toBeUndefined();
    },
  },
  {
    name: "certificate variables come along with the files they name",
    does: async ({ inside, write, home }) => {
      const file = write(path.join(home, "certificates/ca.pem"), "certificate\n");
      const env = { SSL_CERT_FILE: file, NODE_EXTRA_CA_CERTS: file, SSL_CERT_DIR: path.dirname(file) };
      const { stdout } = await inside(
        'cat "$SSL_CERT_FILE" "$NODE_EXTRA_CA_CERTS"; ls "$SSL_CERT_DIR"',
        // A filtered network puts its own authority beside them; see test/network/corporate.test.ts.
        ["--net", "open"],
        { env },
      );
      expect(stdout).toBe("certificate\ncertificate\nca.pem\n");
    },
  },
  {
    name: "proxy variables come along only where the network is open",
    does: async ({ inside }) => {
      const env = { HTTPS_PROXY: "http://proxy.invalid:1", no_proxy: "x" };
      const script = 'echo "$HTTPS_PROXY $no_proxy"';
      expect((await inside(script, ["--net", "open"], { env })).stdout).toBe("http://proxy.invalid:1 x\n");
      expect((await inside(script, ["--net", "none"], { env })).stdout).toBe(" \n");
    },
  },
  {
    name: "the user's git identity comes along, helpers, tokens and includes do not",
    does: async ({ inside, write, home }) => {
      const lines = [
        ...["[user]", "name = A User", "email = user@example.invalid", "signingkey = KEY", "[alias]", "st = status"],
        ...[
          "[credential]",
          "helper = store",
          `[url "https://${secret}@host.invalid/"]`,
          "insteadOf = https://host.invalid/",
        ],
        ...["[include]", `path = ${home}/more`, "[commit]", "gpgsign = true", "[core]", `hooksPath = ${home}/hooks`],
        ...["[http]", `extraHeader = "Authorization: ${secret}"`, "sslVerify = false"],
      ];
      write(path.join(home, ".gitconfig"), `${lines.join("\n")}\n`);
      write(path.join(home, "more"), "[user]\nname = Included\n");
      const { stdout } = await inside("git config --global --list; cat ~/.gitconfig");
      expect(stdout).toContain("user.email=user@example.invalid");
      expect(stdout).toContain("alias.st=status");
      expect(stdout).not.toContain(secret);
      expect(stdout).not.toMatch(/^(credential|url|include|commit|http|core\.hookspath|user\.signingkey)/im);
    },
  },
];
