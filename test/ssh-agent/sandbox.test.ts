import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { createLab, type Done, type Lab, users } from "../run/lab.ts";
import { chosen, other, startAgent, type TestAgent } from "./agent.ts";

describe.each(users)("as $name", ({ uid }) => {
  let lab: Lab;
  let agent: TestAgent;
  const inside = (options: string[], script: string): Done =>
    lab.cordon(["run", "--net", "none", ...options, "--", "sh", "-c", script]);
  const env = (changes: Record<string, string>) => Object.assign(lab.env, changes);
  const write = (file: string, text: string): void => {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
    execFileSync("chown", ["-R", `${uid}:${uid}`, path.dirname(file)]);
  };

  beforeAll(async () => {
    lab = createLab(uid);
    agent = await startAgent(path.join(lab.directory, "keys"), uid);
    env({ SSH_AUTH_SOCK: agent.socket });
  });
  afterAll(() => {
    agent.stop();
    lab.close();
  });

  test("nothing of the agent is inside unless it is asked for", () => {
    expect(inside([], 'echo "[$SSH_AUTH_SOCK]"; ls /run').stdout).toBe("[]\nuser\n");
  });

  test("one key by any of its names, and no other", () => {
    const fingerprint = /SHA256:\S+/.exec(execFileSync("ssh-keygen", ["-lf", agent.at("chosen.pub")]).toString())![0];
    for (const name of [chosen, fingerprint, agent.at("chosen.pub"), agent.at("chosen")]) {
      const { stdout, stderr } = inside(["--ssh-agent", name], "ssh-add -L");
      expect([stdout, stderr]).toEqual([fs.readFileSync(agent.at("chosen.pub"), "utf8"), ""]);
    }
  });

  test("several keys by several options", () => {
    const { stdout } = inside(["--ssh-agent", chosen, "--ssh-agent", other], "ssh-add -l | wc -l");
    expect(stdout.trim()).toBe("2");
  });

  test("from the user's own configuration, and never from the project's", () => {
    const own = path.join(lab.at("home"), ".config/cordon/config.toml");
    write(own, `ssh-agent = ["${chosen}"]\n`);
    expect(inside([], "ssh-add -l").stdout).toContain(chosen);
    fs.rmSync(own);
    const project = path.join(lab.at("project"), ".cordon.toml");
    write(project, `ssh-agent = ["${chosen}"]\n`);
    const { code, stderr } = inside([], "ssh-add -l");
    fs.rmSync(project);
    expect(code).toBe(125);
    expect(stderr).toContain("`ssh-agent` belongs in the user's own configuration");
  });

  test("the one socket is inside, and nothing else of cordon's or of the agent's place", () => {
    const script = `find /run/cordon | sort; stat -c %F $SSH_AUTH_SOCK; ls ${agent.socket} ${lab.runs} ${agent.at("chosen")} 2>&1 | grep -c 'No such'`;
    expect(inside(["--ssh-agent", chosen], script).stdout).toBe(
      "/run/cordon\n/run/cordon/ssh-agent.sock\n/run/cordon/ssh-keys\n/run/cordon/ssh-keys/1.pub\nsocket\n3\n",
    );
  });

  test("the agent is not changed from inside", () => {
    const script = `ssh-add -D; ssh-add -d /run/cordon/ssh-keys/1.pub; ssh-keygen -q -t ed25519 -N '' -f k; ssh-add k; ssh-add -l`;
    const { stdout } = inside(["--ssh-agent", chosen], script);
    expect(stdout.trim().split("\n")).toHaveLength(1);
    const outside = execFileSync("ssh-add", ["-l"], { env: { ...lab.env } }).toString();
    expect(outside).toContain(chosen);
    expect(outside.trim().split("\n")).toHaveLength(2);
  });

  test("the configuration of ssh comes in filtered, with the known hosts", () => {
    const place = path.join(lab.at("home"), ".ssh");
    write(
      path.join(place, "config"),
      `Host forge\n  HostName forge.test\n  ProxyCommand evil\n  IdentityFile ${agent.at("chosen")}\n`,
    );
    write(path.join(place, "known_hosts"), "forge.test ssh-ed25519 AAAA\n");
    write(path.join(place, "id_ed25519"), "a private key");
    const { stdout } = inside(
      ["--ssh-agent", chosen],
      "cd ~/.ssh && ls && cat config known_hosts && cat /run/cordon/ssh-keys/1.pub; echo x >> known_hosts",
    );
    fs.rmSync(place, { recursive: true });
    const config = "Host forge\n  HostName forge.test\n  IdentityFile /run/cordon/ssh-keys/1.pub\n";
    const key = fs.readFileSync(agent.at("chosen.pub"), "utf8");
    expect(stdout).toBe(`config\nknown_hosts\n${config}forge.test ssh-ed25519 AAAA\n${key}`);
  });

  test("`cordon exec` has it as well, and the socket goes with the run", async () => {
    const { id, ended } = await lab.start("exec sleep 600", ["--net", "none", "--ssh-agent", chosen]);
    expect(lab.cordon(["exec", id, "--", "ssh-add", "-l"]).stdout).toContain(chosen);
    lab.cordon(["stop", id]);
    await ended;
    expect(fs.existsSync(path.join(lab.runs, id))).toBe(false);
  });

  describe("what is missing is said before the start", () => {
    const refusal = (key: string, socket: string): string => {
      env({ SSH_AUTH_SOCK: socket });
      const { code, stderr } = inside(["--ssh-agent", key], "touch started");
      env({ SSH_AUTH_SOCK: agent.socket });
      expect([code, fs.existsSync(path.join(lab.at("project"), "started"))]).toEqual([125, false]);
      return stderr;
    };
    test("no agent", () => {
      expect(refusal(chosen, "")).toContain("SSH_AUTH_SOCK is not set");
      expect(refusal(chosen, path.join(lab.directory, "nobody"))).toContain("nothing answers at");
    });
    test("no such key, with the ones that are there", () => {
      const text = refusal("nobody@test", agent.socket);
      expect(text).toContain("--ssh-agent: the ssh-agent holds no key `nobody@test`");
      expect(text).toContain(`it holds \`${chosen}\`, \`${other}\``);
    });
  });
});
