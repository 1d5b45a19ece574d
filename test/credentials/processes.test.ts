import { afterEach, beforeEach, expect, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { withLocks } from "../../src/credentials/lock.ts";
import { claudeText, claudeTokens, makeHome, startIssuer } from "./lab.ts";

let lab: ReturnType<typeof makeHome>;
let issuer: ReturnType<typeof startIssuer>;
beforeEach(() => {
  lab = makeHome();
  issuer = startIssuer("refresh-0");
});
afterEach(() => {
  issuer.stop();
  lab.remove();
});

const client = path.join(import.meta.dirname, "renewing-client.ts");
const start = (...args: string[]) =>
  Bun.spawn([process.execPath, client, ...args], { env: { HOME: lab.home, PATH: "/usr/bin:/bin" }, stdout: "pipe" });
const textOf = (child: ReturnType<typeof start>) => new Response(child.stdout as ReadableStream).text();

test.each(["directories", "file"])("two processes that find it expired renew it once (%s)", async (kind) => {
  const file = lab.write(".claude/.credentials.json", claudeText("access-0", "refresh-0", Date.now()));
  const children = [start(kind, file, issuer.url), start(kind, file, issuer.url), start(kind, file, issuer.url)];
  const values = await Promise.all(children.map(textOf));
  expect(values).toEqual(["access-1", "access-1", "access-1"]);
  expect(issuer.state.count).toBe(1);
  expect(claudeTokens(file).refreshToken).toBe("refresh-1");
  expect(fs.readdirSync(path.dirname(file)).filter((name) => name.includes("cordon"))).toEqual([]);
});

test("a process that dies before it has written leaves the file whole, and its lock frees itself", async () => {
  const old = claudeText("access-0", "refresh-0", Date.now());
  const file = lab.write(".claude/.credentials.json", old);
  // The server answers and the client is gone before it can write: it kills itself at that moment.
  const dying = start("directories", file, issuer.url, "die");
  await dying.exited;
  expect(dying.signalCode).toBe("SIGKILL");
  expect(fs.readFileSync(file, "utf8")).toBe(old);
  const lock = path.join(path.dirname(file), ".oauth_refresh.lock");
  expect(fs.existsSync(lock)).toBe(true);
  // As if it had been some time ago.
  for (const left of [lock, `${path.dirname(file)}.lock`]) fs.utimesSync(left, new Date(0), new Date(0));
  issuer.state.good = "refresh-0";
  expect(await textOf(start("directories", file, issuer.url))).toBe("access-2");
  expect(fs.readdirSync(path.dirname(file))).toEqual([".credentials.json"]);
});

test("a lock of Claude Code's keeps a renewal waiting", async () => {
  const file = lab.write(".claude/.credentials.json", claudeText("access-0", "refresh-0", Date.now()));
  const lock = path.join(path.dirname(file), ".oauth_refresh.lock");
  fs.mkdirSync(lock);
  const child = start("directories", file, issuer.url);
  // What the plain client does while it holds the lock.
  await Bun.sleep(500);
  expect(issuer.state.count).toBe(0);
  fs.writeFileSync(file, claudeText("access-plain", "refresh-plain", Date.now() + 3600_000));
  fs.rmdirSync(lock);
  expect(await textOf(child)).toBe("access-plain");
  expect(issuer.state.count).toBe(0);
});

test("locks are held one after the other, and given back when the work fails", async () => {
  const locks = [
    { directory: path.join(lab.home, "a.lock"), staleMs: 10_000 },
    { file: path.join(lab.home, "b/lock") },
  ];
  const order: string[] = [];
  const work = (name: string) =>
    withLocks(locks, async () => {
      order.push(`${name} in`);
      await Bun.sleep(20);
      order.push(`${name} out`);
    });
  await Promise.all([work("x"), work("y"), work("z")]);
  for (const at of [0, 2, 4]) expect(order[at]!.replace("in", "out")).toBe(order[at + 1]!);
  await expect(
    withLocks(locks, async () => {
      throw new Error("no");
    }),
  ).rejects.toThrow("no");
  await work("again");
  expect(fs.existsSync(path.join(lab.home, "a.lock"))).toBe(false);
});
