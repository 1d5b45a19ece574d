import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { createLab, type Done, users } from "../run/lab.ts";
import { chosen, other, startAgent, type TestAgent } from "../ssh-agent/agent.ts";
import { findSshd } from "./compat-tools.ts";
import { awaitServer } from "./servers/door.ts";
import { createRepository } from "./servers/git.ts";
import { nameUser } from "./servers/passwd.ts";
import { type Ssh, startSsh } from "./servers/ssh.ts";

/** The last is the ordinary one: sshd refuses to serve root without an account of its own. */
const { uid } = users.at(-1)!;
const sshd = findSshd();
const [name, address, port] = ["allowed.test", "11.1.1.1", 2222];

describe.skipIf(sshd === undefined || uid === 0)("ssh through the filter, with a real sshd", () => {
  const lab = createLab(uid);
  const at = (file: string): string => path.join(lab.directory, file);
  let agent: TestAgent;
  let server: Ssh;

  beforeAll(async () => {
    agent = await startAgent(at("keys"), uid);
    fs.mkdirSync(at("ssh"));
    nameUser("git", uid, at("ssh"), lab.at("home"));
    server = startSsh(sshd!, at("ssh"), uid, address, port);
    fs.copyFileSync(agent.at("chosen.pub"), path.join(at("ssh"), "authorized"));
    createRepository(at("forge.git"), "carried-81fa", uid);
    const place = path.join(lab.at("home"), ".ssh");
    fs.mkdirSync(place);
    fs.copyFileSync(server.knownHosts, path.join(place, "known_hosts"));
    const options = [
      `HostName ${name}`,
      `Port ${port}`,
      "User git",
      "BatchMode yes",
      `IdentityFile ${agent.at("chosen")}`,
    ];
    fs.writeFileSync(path.join(place, "config"), `Host forge\n${options.join("\n")}\nProxyCommand false\n`);
    fs.chmodSync(lab.directory, 0o755);
    execFileSync("chown", ["-R", `${uid}:${uid}`, lab.directory]);
    Object.assign(lab.env, { SSH_AUTH_SOCK: agent.socket });
    await awaitServer(address, port);
  });
  afterAll(() => {
    server?.close();
    agent?.stop();
    lab.close();
  });

  const inside = (keys: string[], script: string): Done => {
    const options = keys.flatMap((key) => ["--ssh-agent", key]);
    return lab.cordon(["run", "--allow-host", `${name}:${port}`, ...options, "--", "sh", "-c", script]);
  };

  test("the chosen key logs in, by the user's own alias", () => {
    const { stdout, stderr } = inside([chosen], "ssh forge echo in");
    expect([stdout, stderr]).toEqual(["in\n", ""]);
  });

  test("git fetches and pushes", () => {
    const script = `cd /tmp && git clone -q forge:${at("forge.git")} work && cd work && git checkout -q -b new &&
      git -c user.name=A -c user.email=a@test commit -q --allow-empty -m pushed && git push -q origin new`;
    const { code, stderr } = inside([chosen], script);
    expect([code, stderr]).toEqual([0, ""]);
    const words = ["-c", "safe.directory=*", "-C", at("forge.git"), "log", "-1", "--format=%s", "new"];
    expect(execFileSync("git", words).toString()).toBe("pushed\n");
  });

  test("a key that is limited to one server logs in there, and nowhere else", () => {
    const add = (limit: string[]): void => {
      const words = ["ssh-add", "-q", ...limit, agent.at("chosen")];
      execFileSync("setpriv", [`--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", ...words], { env: lab.env });
    };
    const elsewhere = path.join(at("ssh"), "elsewhere");
    fs.writeFileSync(elsewhere, `other.test ${fs.readFileSync(agent.at("other.pub"), "utf8")}`);
    add(["-H", server.knownHosts, "-h", `git@[${name}]:${port}`]);
    expect(inside([chosen], "ssh forge echo in").stdout).toBe("in\n");
    add(["-H", elsewhere, "-h", "git@other.test"]);
    const refused = inside([chosen], "ssh forge echo in");
    add([]);
    expect(refused.stderr).toContain("Permission denied (publickey");
  });

  test("without a key that the server knows nobody gets in", () => {
    for (const keys of [[], [other]]) {
      const { code, stderr } = inside(
        keys,
        `ssh -o BatchMode=yes -o StrictHostKeyChecking=no -p ${port} git@${name} echo in`,
      );
      expect([code, stderr]).toEqual([255, expect.stringContaining("Permission denied (publickey")]);
    }
  });
});
