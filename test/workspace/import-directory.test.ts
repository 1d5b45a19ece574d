import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { expectRefused, fetchPlainly, has, insideWith, plantCommit } from "./hostile-directory.ts";
import { type Lab, litterOf, run, tryRun, useLabs } from "./import-lab.ts";

/** Files of the private git directory that lead a git astray (ATTACKS GM-10). Each case shows first that they do. */

const open = useLabs();

const inPrivate = (lab: Lab, ...names: string[]) => path.join(lab.priv, ...names);
const plant = (lab: Lab, name: string, text: string) => {
  fs.mkdirSync(path.dirname(inPrivate(lab, name)), { recursive: true });
  fs.writeFileSync(inPrivate(lab, name), text);
};

/** Another repository of the same user, which the sandbox never saw. */
const createSecret = (lab: Lab): string => {
  run(["init", "-q", "-b", "main", lab.at("secret")], lab.env, lab.directory);
  fs.writeFileSync(lab.at("secret/key"), "planted-secret\n");
  run(["add", "key"], lab.env, lab.at("secret"));
  run(["commit", "-qm", "secret"], lab.env, lab.at("secret"));
  return run(["rev-parse", "HEAD"], lab.env, lab.at("secret"));
};

describe("other repositories of the host", () => {
  test("alternates that name one", async () => {
    const lab = open();
    const secret = createSecret(lab);
    fs.appendFileSync(inPrivate(lab, "objects/info/alternates"), `${lab.at("secret/.git/objects")}\n`);
    plant(lab, "refs/heads/main", `${secret}\n`);
    expect(fetchPlainly(lab).code).toBe(0);
    expect(has(lab, secret, lab.at("naive"))).toBe(true);
    const result = await lab.bring();
    expect(result).toMatchObject({ imported: [], kept: [] });
    expect(has(lab, secret)).toBe(false);
  });

  test("an object store that is a link to one", async () => {
    const lab = open();
    const secret = createSecret(lab);
    fs.rmSync(inPrivate(lab, "objects"), { recursive: true });
    fs.symlinkSync(lab.at("secret/.git/objects"), inPrivate(lab, "objects"));
    plant(lab, "refs/heads/main", `${secret}\n`);
    expect(tryRun(["--git-dir", lab.priv, "cat-file", "-e", secret], lab.env, lab.top).code).toBe(0);
    await lab.bring();
    expect(has(lab, secret)).toBe(false);
  });

  test("a common directory elsewhere", async () => {
    const lab = open();
    const secret = createSecret(lab);
    plant(lab, "commondir", `${lab.at("secret/.git")}\n`);
    expect(run(["--git-dir", lab.priv, "rev-parse", "refs/heads/main"], lab.env, lab.top)).toBe(secret);
    const result = await lab.bring();
    expect(result).toMatchObject({ imported: [], kept: [] });
    expect(has(lab, secret)).toBe(false);
  });

  test("a ref that is a link to a file", async () => {
    const lab = open();
    const file = lab.at("home/id");
    const tip = lab.commit("file", "two\n");
    fs.writeFileSync(file, `${tip}\n`);
    fs.mkdirSync(inPrivate(lab, "refs/heads"), { recursive: true });
    fs.symlinkSync(file, inPrivate(lab, "refs/heads/linked"));
    expect(lab.inside("rev-parse", "refs/heads/linked")).toBe(tip);
    const { imported, problems } = await lab.bring();
    expect(problems).toEqual([]);
    expect(imported.map(({ ref }) => ref)).toEqual(["refs/heads/main"]);
  });
});

describe("what makes git wait", () => {
  const limits = { timeoutMs: 3_000 };
  const makeFifo = (file: string) => {
    fs.rmSync(file, { force: true });
    fs.mkdirSync(path.dirname(file), { recursive: true });
    expect(spawnSync("mkfifo", [file]).status).toBe(0);
  };

  test("a FIFO in the place of a ref", async () => {
    const lab = open();
    lab.commit("file", "two\n");
    makeFifo(inPrivate(lab, "refs/heads/waits"));
    expect(fetchPlainly(lab, undefined, 2).code).toBe("SIGKILL");
    await expectRefused(lab, /refs\/heads\/waits in it is no ordinary file/, limits);
  }, 30_000);

  test("a ref that is a link to an open pipe", async () => {
    const lab = open();
    lab.commit("file", "two\n");
    fs.mkdirSync(inPrivate(lab, "refs/heads"), { recursive: true });
    fs.symlinkSync("../../../../../proc/self/fd/1", inPrivate(lab, "refs/heads/waits"));
    await expectRefused(lab, /refs\/heads\/waits in it is no ordinary file/, limits);
  });

  test("a FIFO in the place of an object", async () => {
    const lab = open();
    const tip = lab.commit("file", "two\n");
    const tree = lab.inside("rev-parse", `${tip}^{tree}`);
    makeFifo(inPrivate(lab, "objects", tree.slice(0, 2), tree.slice(2)));
    expect(fetchPlainly(lab, undefined, 2).code).toBe("SIGKILL");
    await expectRefused(lab, /objects\/.* in it is no ordinary file/, limits);
  }, 30_000);

  test("a FIFO in the place of a pack's index", async () => {
    const lab = open();
    lab.commit("file", "two\n");
    makeFifo(inPrivate(lab, "objects/pack", `pack-${"a".repeat(40)}.idx`));
    fs.writeFileSync(inPrivate(lab, "objects/pack", `pack-${"a".repeat(40)}.pack`), "");
    expect(fetchPlainly(lab, "+refs/heads/*:refs/naive/*", 2).code).toBe("SIGKILL");
    const result = await lab.bring({ limits });
    expect([...result.imported, ...result.problems]).toHaveLength(1);
    expect(litterOf(lab)).toEqual([]);
  }, 30_000);
});

describe("what makes git run programs", () => {
  test("settings of every kind", async () => {
    const lab = open();
    const ran = lab.at("home/ran");
    const script = lab.at("home/run");
    fs.writeFileSync(script, `#!/bin/sh\necho "$0" "$@" >> ${ran}\nexit 1\n`, { mode: 0o755 });
    const settings = {
      "core.fsmonitor": script,
      "core.pager": script,
      "core.sshCommand": script,
      "core.alternateRefsCommand": script,
      "core.hooksPath": lab.at("home"),
      "uploadpack.packObjectsHook": script,
      "alias.for-each-ref": `!${script}`,
      "protocol.ext.allow": "always",
      "remote.origin.url": `ext::${script}`,
      "remote.origin.promisor": "true",
      "core.repositoryFormatVersion": "1",
      "extensions.partialClone": "origin",
    };
    const tip = lab.commit("file", "two\n");
    for (const [key, value] of Object.entries(settings)) lab.inside("config", key, value);
    tryRun(["--git-dir", lab.priv, "--work-tree", lab.top, "status"], lab.env, lab.top);
    expect(fs.readFileSync(ran, "utf8")).toContain("run");
    fs.rmSync(ran);
    tryRun(["--git-dir", lab.priv, "cat-file", "-p", "1".repeat(40)], lab.env, lab.top);
    expect(fs.existsSync(ran)).toBe(true);
    fs.rmSync(ran);
    expect(await lab.bring()).toMatchObject({ imported: [{ id: tip }], problems: [] });
    expect(fs.existsSync(ran)).toBe(false);
  });

  test("a promised object is fetched from nowhere, and its absence is noticed", async () => {
    const lab = open();
    const ran = lab.at("home/ran");
    const tip = lab.commit("file", "two\n");
    const blob = lab.inside("rev-parse", `${tip}:file`);
    fs.rmSync(inPrivate(lab, "objects", blob.slice(0, 2), blob.slice(2)));
    const settings = [
      ...["protocol.ext.allow=always", "core.repositoryFormatVersion=1", "extensions.partialClone=origin"],
      ...["remote.origin.promisor=true", `remote.origin.url=ext::touch ${ran}`],
    ];
    for (const setting of settings) lab.inside("config", ...(setting.split(/=(.*)/s).slice(0, 2) as [string, string]));
    tryRun(["--git-dir", lab.priv, "cat-file", "-p", blob], lab.env, lab.top);
    expect(fs.existsSync(ran)).toBe(true);
    fs.rmSync(ran);
    await expectRefused(lab, /objects are missing|refuses its objects/);
    expect(fs.existsSync(ran)).toBe(false);
  });
});

describe("what makes git see another history", () => {
  test("a working tree elsewhere is not written", async () => {
    const lab = open();
    const tip = lab.commit("planted", "two\n");
    lab.inside("config", "core.worktree", lab.at("home"));
    tryRun(["--git-dir", lab.priv, "checkout", "-f"], lab.env, lab.top);
    expect(fs.existsSync(lab.at("home/planted"))).toBe(true);
    fs.rmSync(lab.at("home/planted"));
    expect(await lab.bring()).toMatchObject({ imported: [{ id: tip }] });
    expect(fs.existsSync(lab.at("home/planted"))).toBe(false);
  });

  test("replacements and grafts change nothing", async () => {
    const lab = open();
    const first = lab.commit("file", "two\n");
    const tip = lab.commit("file", "three\n");
    const fake = insideWith(lab, "nothing to see", "commit-tree", lab.inside("rev-parse", `${lab.base.head}^{tree}`));
    lab.inside("replace", tip, fake);
    expect(lab.inside("log", "--format=%s", "-1", tip)).toBe("nothing to see");
    lab.inside("replace", "-d", tip);
    plant(lab, "info/grafts", `${tip}\n`);
    expect(lab.inside("rev-list", "--count", tip)).toBe("1");
    plant(lab, `refs/replace/${tip}`, `${fake}\n`);
    expect(await lab.bring()).toMatchObject({ imported: [{ id: tip }], problems: [] });
    expect(lab.git("rev-list", tip).split("\n")).toEqual([tip, first, lab.base.head!]);
    expect(lab.git("cat-file", "commit", tip)).toContain("change file");
    expect(lab.git("for-each-ref", "refs/replace")).toBe("");
  });

  test("a history that is cut off does not come in", async () => {
    const lab = open();
    lab.commit("file", "two\n");
    const tip = lab.commit("file", "three\n");
    plant(lab, "shallow", `${tip}\n`);
    expect(lab.inside("rev-list", "--count", tip)).toBe("1");
    await expectRefused(lab, /objects are missing|refuses its objects/);
  });
});

describe("what is no repository", () => {
  test.each([
    ["packed refs that are none", "packed-refs", "\0\x01 not refs at all\nrefs/heads/main\n"],
    ["settings that are none", "config", "[core\n\0"],
    ["a HEAD that is none", "HEAD", "\0".repeat(100)],
  ])("%s", async (_, name, text) => {
    const lab = open();
    lab.commit("file", "two\n");
    plant(lab, name, text);
    expect(fetchPlainly(lab).code).not.toBe(0);
    await expectRefused(lab, /refs cannot be read|cannot be read/);
  });

  test("a ref file of many megabytes is passed over", async () => {
    const lab = open();
    const tip = lab.commit("file", "two\n");
    fs.writeFileSync(inPrivate(lab, "refs/heads/huge"), "");
    fs.truncateSync(inPrivate(lab, "refs/heads/huge"), 64 * 1024 * 1024);
    expect(await lab.bring()).toMatchObject({ imported: [{ ref: "refs/heads/main", id: tip }], problems: [] });
  });

  test("a link in the place of the directory", async () => {
    const lab = open();
    plantCommit(lab, lab.inside("rev-parse", "HEAD^{tree}"));
    fs.renameSync(lab.priv, lab.at("moved"));
    fs.symlinkSync(lab.at("moved"), lab.priv);
    await expectRefused(lab, /is no directory/);
  });
});
