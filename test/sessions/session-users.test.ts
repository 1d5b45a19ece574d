import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { makeRoot } from "./session-room.ts";

/** As root where this is root, and always as somebody without privileges. */
const uids = process.getuid?.() === 0 ? [0, 1234] : [process.getuid?.() ?? 0];
const timeoutMs = 120_000;

/** The sources may lie where other users do not come. */
const bundle = async (directory: string) => {
  const entrypoints = [path.join(import.meta.dirname, "session-main.ts")];
  const built = await Bun.build({ entrypoints, target: "bun", outdir: directory, naming: "main.js" });
  if (!built.success) throw new Error("the program does not build");
  fs.chmodSync(path.join(directory, "main.js"), 0o644);
  fs.copyFileSync(process.execPath, path.join(directory, "bun"));
  fs.chmodSync(path.join(directory, "bun"), 0o755);
};

describe.each(uids)("uid %d", (uid) => {
  test.each([
    ["overlay", "git"],
    ["overlay", "plain"],
    ["copy", "git"],
    ["copy", "plain"],
  ])(
    "%s, %s: a session from its making to its end",
    async (workspace, hasGit) => {
      const root = makeRoot();
      await bundle(root);
      fs.chownSync(root, uid, uid);
      const lowered =
        uid === process.getuid?.() ? [] : ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"];
      const words = [...lowered, path.join(root, "bun"), path.join(root, "main.js"), root, workspace, hasGit];
      const env = { HOME: root, PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", LC_ALL: "C" };
      const done = spawnSync(words[0]!, words.slice(1), { env, cwd: root, timeout: timeoutMs, encoding: "utf8" });
      expect([done.status, done.stderr]).toEqual([0, ""]);
      const got = JSON.parse(done.stdout);
      const names = ["M\ta.txt", "D\tdir/b.txt", "A\tdir/new", "D\tdir/sub/x", "A\tlink"];
      expect(got).toMatchObject({ uid, rows: names, work: true, refreshed: [], sessions: [] });
      expect(got.problems).toEqual(["closed and 1 more: not readable or too large, and stays in the session"]);
      expect(got.seen).toBe(hasGit === "git" ? "a\nmore\nkeep\nnew\nsub\n" : "a\nsecret\nb.txt\nsub\n");
      expect(got.left.filter((name: string) => /\/s[0-9a-f]{8}/.test(name))).toEqual([]);
    },
    timeoutMs,
  );
});
