import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { createLab, type Lab, processesWith, until, users } from "./lab.ts";

describe.each(users)("a setup, as $name", ({ uid }) => {
  let lab: Lab;
  beforeEach(() => {
    lab = createLab(uid);
  });
  afterEach(() => lab.close());
  const at = (name: string): string => path.join(lab.at("project"), name);
  const put = (name: string, text: string): void => {
    fs.writeFileSync(at(name), text);
    fs.chownSync(at(name), uid, uid);
  };
  const read = (name: string): string => fs.readFileSync(at(name), "utf8");
  const run = (setup: string, words: string[], options: string[] = []) =>
    lab.cordon(["run", "--setup", setup, ...options, "--", ...words], { input: "for the agent" });

  test("comes first, once, with a status, an input and an output of its own", () => {
    const setup = "echo out; echo err >&2; cat; echo x >> ran";
    const first = run(setup, ["sh", "-c", "cat; cat ran"]);
    expect(first).toMatchObject({ code: 0, stdout: "for the agentx\n" });
    expect(first.stderr).toContain("out\nerr\n");
    const second = run(setup, ["cat"]);
    expect(second).toMatchObject({ code: 0, stdout: "for the agent" });
    expect(second.stderr).not.toContain("out");
    put("yarn.lock", "new");
    run(setup, ["true"]);
    expect(read("ran")).toBe("x\nx\n");
  });

  test("that fails ends it all, and is tried again", () => {
    const failed = run("exit 7", ["touch", "started"]);
    expect(failed).toMatchObject({ code: 125, stdout: "" });
    expect(failed.stderr).toContain("`exit 7` ended with status 7");
    expect(run("sleep 60", ["touch", "started"], ["--timeout", "1s"]).stderr).toContain("--timeout");
    expect(fs.existsSync(at("started"))).toBe(false);
    expect(fs.readdirSync(lab.runs)).toEqual([]);
  });

  test("of the project's runs inside, at its top, with what the agent may do and no more", () => {
    const outside = path.join(lab.directory, "outside");
    const script = `touch ${outside}; cat ${lab.at("home")}/secret; pwd > place; env > env; touch /tmp/left`;
    put(".cordon.toml", `setup = ${JSON.stringify(`${script}; true`)}\n`);
    fs.writeFileSync(path.join(lab.at("home"), "secret"), "planted-content");
    fs.mkdirSync(at("sub"));
    spawnSync("setpriv", [`--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", "git", "init", "-q"], {
      cwd: lab.at("project"),
      env: lab.env,
    });
    const done = lab.cordon(["run", "--", "test", "!", "-e", "/tmp/left"], { cwd: at("sub") });
    expect(done).toMatchObject({ code: 0, stdout: "" });
    expect(fs.existsSync(outside)).toBe(false);
    expect(done.stderr).not.toContain("planted-content");
    expect(read("env")).not.toContain("planted-secret");
    expect(read("env")).toContain("CORDON_SANDBOX=1");
    expect(read("place")).toBe(`${lab.at("project")}\n`);
    expect(lab.cordon(["run", "--no-setup", "--", "true"]).stderr).not.toContain("setting up");
  });

  test("leaves no process behind, and its killer ends it", async () => {
    const mark = `${lab.directory}/mark`;
    run(`sh -c 'sleep 1000; :' ${mark} & :`, ["true"]);
    expect(processesWith(mark)).toEqual([]);
    const started = lab.launch(["run", "--setup", "touch up; sleep 1000", "--", "touch", "started"]);
    await until(() => fs.existsSync(at("up")));
    process.kill(started.pid, "SIGTERM");
    expect(await started.ended).toBe(125);
    expect(fs.existsSync(at("started"))).toBe(false);
    expect(fs.readdirSync(lab.runs)).toEqual([]);
    expect(processesWith(mark)).toEqual([]);
  });
});

describe.each(users)("hidden secrets, as $name", ({ uid }) => {
  let lab: Lab;
  beforeEach(() => {
    lab = createLab(uid);
    fs.mkdirSync(path.join(lab.at("project"), "deep"));
    for (const name of [".env", "deep/tls.key", "open.txt"]) {
      fs.writeFileSync(path.join(lab.at("project"), name), "planted-content\n");
      fs.chownSync(path.join(lab.at("project"), name), uid, uid);
    }
    fs.chownSync(path.join(lab.at("project"), "deep"), uid, uid);
  });
  afterEach(() => lab.close());
  const names = [".env", "deep/tls.key"];
  const contents = () => names.map((name) => fs.readFileSync(path.join(lab.at("project"), name), "utf8"));

  test("are not read, written, moved or removed by any of their names", () => {
    const tries = [
      ...names.flatMap((name) => [`cat ${name}`, `cp ${name} /tmp/x && cat /tmp/x`, `ln ${name} y && cat y`]),
      ...names.flatMap((name) => [`echo z > ${name}`, `mv ${name} y && cat y`, `rm -f ${name}`, `cat $PWD/${name}`]),
      "mv deep shallow && cat shallow/tls.key; mv shallow deep",
      "cat /proc/self/root/$PWD/.env; cat /proc/1/root/$PWD/.env",
      "umount .env; cat .env",
      "tar cf - . | tar xf - -O",
    ];
    const done = lab.cordon(["run", "--hide-secrets", "--", "sh", "-c", `${tries.join("; ")}; cat open.txt; true`]);
    expect(done.stdout.match(/planted-content/g)).toHaveLength(2);
    expect(done.stderr).toContain("hidden from the agent: .env, deep/tls.key");
    expect(contents()).toEqual(["planted-content\n", "planted-content\n"]);
  });

  test("a project can ask for it; without it they are files like others", () => {
    fs.writeFileSync(path.join(lab.at("project"), ".cordon.toml"), "[filesystem]\nhide-secrets = true\n");
    expect(lab.cordon(["run", "--", "cat", ".env"]).code).not.toBe(0);
    const explained = lab.cordon(["policy", "explain", ".env"]).stdout;
    expect(explained).toContain("hidden  # filesystem.hide-secrets, project config");
    fs.rmSync(path.join(lab.at("project"), ".cordon.toml"));
    expect(lab.cordon(["run", "--", "cat", ".env"]).stdout).toBe("planted-content\n");
  });
});
