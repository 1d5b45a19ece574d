import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { isRoot, makeDesk, uids } from "./desk.ts";

/** Whether a project can have an overlay, asked by whoever owns it, of the real kernel. */

describe.each(uids)("as uid %d", (uid) => {
  test("a usual project can, and nothing is left of the trial", async () => {
    const desk = makeDesk(uid);
    desk.sh("mkdir -p 'a b/c'; echo x > 'a b/c/d'; echo sample > first; ln -s / link; mkfifo pipe; chmod 444 first");
    const before = desk.sh("ls -laR --time-style=full-iso");
    expect(await desk.call("can", desk.at("project"), desk.at("room"))).toEqual({ gave: { ok: true } });
    expect(fs.readdirSync(desk.at("room"))).toEqual([]);
    expect(desk.sh("ls -laR --time-style=full-iso")).toBe(before);
    expect(fs.readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(desk.top);
  });

  test.each(["new\nline", "com,ma", "co:lon", "-v", "back\\slash", "é"])("so can one in %p", async (name) => {
    const desk = makeDesk(uid);
    const project = desk.at(`project/${name}`);
    fs.mkdirSync(project);
    fs.chownSync(project, uid, uid);
    expect(await desk.call("can", project, desk.at("room"))).toEqual({ gave: { ok: true } });
  });

  test.if(isRoot)("files of another owner or group are in the way, but not in a .git", async () => {
    const desk = makeDesk(uid);
    desk.sh("mkdir -p .git src/deep; echo x > .git/index; echo x > src/deep/own; ln -s own src/deep/link");
    const ask = () => desk.call("can", desk.at("project"), desk.at("room"));
    fs.chownSync(desk.at("project/.git/index"), 4321, 4321);
    expect(await ask()).toEqual({ gave: { ok: true } });
    const why = "src/deep/own belongs to another user or group, so it could not be changed in an overlay";
    for (const [owner, group] of [
      [4321, uid],
      [uid, 4321],
    ]) {
      fs.chownSync(desk.at("project/src/deep/own"), owner!, group!);
      expect(await ask()).toEqual({ gave: { ok: false, why } });
    }
    fs.chownSync(desk.at("project/src/deep/own"), uid, uid);
    fs.lchownSync(desk.at("project/src/deep/link"), 4321, uid);
    expect(await ask()).toEqual({ gave: { ok: false, why: why.replace("own", "link") } });
  });

  test.if(isRoot)("owners are looked for again where something has come or gone", async () => {
    const desk = makeDesk(uid);
    desk.sh("mkdir -p src/deep other .git; echo x > src/deep/own; echo x > .git/index");
    const ask = async () => {
      // Past the time in which a change could hide behind the one before it.
      await Bun.sleep(120);
      return (await desk.call("canAgain", desk.at("project"), desk.at("room"))).gave;
    };
    const why = (name: string) => ({
      ok: false,
      why: expect.stringMatching(new RegExp(`^${name} belongs to another`)),
    });
    expect([await ask(), await ask()]).toEqual([{ ok: true }, { ok: true }]);
    fs.writeFileSync(desk.at("project/other/new"), "");
    fs.chownSync(desk.at("project/other/new"), 4321, uid);
    expect([await ask(), await ask()]).toEqual([why("other/new"), why("other/new")]);
    fs.rmSync(desk.at("project/other/new"));
    expect(await ask()).toEqual({ ok: true });
    fs.chownSync(desk.at("project/src/deep"), uid, 4321);
    expect(await ask()).toEqual(why("src/deep"));
    fs.chownSync(desk.at("project/src/deep"), uid, uid);
    fs.mkdirSync(desk.at("project/made/in"), { recursive: true });
    expect(await ask()).toEqual(isRoot && uid === 0 ? { ok: true } : why("made"));
  });

  test.if(isRoot)("a mount in the project is in the way, one around it is not", async () => {
    const desk = makeDesk(uid);
    const mount = (...words: string[]) =>
      execFileSync("mount", ["-t", "tmpfs", "-o", `uid=${uid},gid=${uid}`, ...words]);
    const inner = desk.at("project/in side");
    mount("none", desk.at("project"));
    try {
      const ask = () => desk.call("can", desk.at("project"), desk.at("room"));
      expect(await ask()).toEqual({ gave: { ok: true } });
      fs.mkdirSync(inner);
      mount("none", inner);
      expect(await ask()).toEqual({ gave: { ok: false, why: expect.stringContaining("is mounted in the project") } });
    } finally {
      execFileSync("umount", ["-R", desk.at("project")]);
    }
  });

  test("where the kernel refuses, it says so", async () => {
    const desk = makeDesk(uid);
    // A room that takes nothing stands for a file system that cannot hold one.
    desk.sh(`chmod 500 ${desk.at("room")}`);
    const { gave } = await desk.call("can", desk.at("project"), isRoot && uid === 0 ? "/proc/self" : desk.at("room"));
    expect(gave).toEqual({ ok: false, why: expect.stringMatching(/^an overlay cannot be made here: \S/) });
  });

  test("without user namespaces it says so", async () => {
    const desk = makeDesk(uid);
    const none = ["unshare", "--user", "--map-root-user", "sh", "-c"];
    const script = 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"';
    const { stdout } = desk.spawn([
      ...none,
      script,
      "sh",
      ...(await desk.words("can", desk.at("project"), desk.at("room"))),
    ]);
    expect(JSON.parse(stdout).gave).toEqual({ ok: false, why: expect.stringMatching(/cannot be made here: unshare/) });
  });
});
