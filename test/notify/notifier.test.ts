import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import type { NotifySettings } from "../../src/config/config.ts";
import { desktopCall } from "../../src/notify/desktop.ts";
import { describeEvent } from "../../src/notify/event.ts";
import { createNotifier } from "../../src/notify/notifier.ts";

let directory: string;
let told: string[];
const at = (name: string): string => path.join(directory, name);
beforeEach(() => {
  directory = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "cordon-notifier-")));
  for (const name of ["bin", "project", "more"]) fs.mkdirSync(at(name));
  told = [];
});
afterEach(() => fs.rmSync(directory, { recursive: true }));

/** A program that writes down how it was called. */
const put = (file: string, ending = "exit 0"): string => {
  const script = `#!/bin/sh\nfor word; do echo "<$word>"; done > ${at("called")}\nenv > ${at("env")}\n${ending}\n`;
  fs.writeFileSync(at(file), script, { mode: 0o755 });
  return at(file);
};
const called = (): string | undefined =>
  fs.existsSync(at("called")) ? fs.readFileSync(at("called"), "utf8") : undefined;

const by = (...ways: ("bell" | "desktop")[]) => ways.map((value) => ({ value, origin: "test" }));
const create = (settings: Partial<NotifySettings>, project = "project") =>
  createNotifier({
    settings: { by: [], afterMs: { value: 1000, origin: "test" }, ...settings },
    host: {
      env: { PATH: `${at("project")}:${at("bin")}:/usr/bin:/bin`, MINE: "kept" },
      home: directory,
      platform: "linux",
      project: at(project),
      tty: { stdin: false, stdout: false, stderr: false },
    },
    subject: { agent: "claude", project: at(project), session: "s1" },
    isAgent: true,
    writable: [at("more")],
    tell: (sentence) => told.push(sentence),
  });
const command = (...value: string[]) => ({ command: { value, origin: "test" } });

test("nobody who is not asked for is told", () => {
  expect(create({})).toBeUndefined();
});

test("a program of the user's hears by variables, with the arguments as they are", async () => {
  await create(command(put("bin/tell"), "a b", "$(touch x)", "--"))!.finish(3, 1000);
  expect(called()).toBe("<a b>\n<$(touch x)>\n<-->\n");
  const env = fs.readFileSync(at("env"), "utf8");
  for (const line of ["CORDON_EVENT=finished", "CORDON_EXIT_CODE=3", "CORDON_AGENT=claude", "CORDON_SESSION=s1"])
    expect(env).toContain(`${line}\n`);
  expect(env).toContain(`CORDON_PROJECT=${at("project")}\n`);
  expect(env).toContain("MINE=kept\n");
  expect(told).toEqual([]);
});

test("short runs end unsaid", async () => {
  await create(command(put("bin/tell")))!.finish(0, 999);
  expect(called()).toBeUndefined();
});

describe("no program that the sandbox could have written is started", () => {
  test.each(["project/tell", "more/tell"])("%s, by its place", async (file) => {
    await create(command(put(file)))!.finish(0, 5000);
    expect(called()).toBeUndefined();
    expect(told).toHaveLength(1);
  });

  test("by a link from elsewhere, by its name, by a relative path", async () => {
    fs.symlinkSync(put("project/tell"), at("bin/linked"));
    for (const name of [at("bin/linked"), "linked", "tell", "./tell", "project/tell"])
      await create(command(name))!.finish(0, 5000);
    expect(called()).toBeUndefined();
    expect(told).toHaveLength(5);
  });

  test("of the same name on the search path, the one outside is", async () => {
    put("project/tell", "exit 1");
    fs.copyFileSync(put("bin/tell"), at("bin/tell2"));
    await create(command("tell"))!.finish(0, 5000);
    expect(called()).toBe("");
    expect(told).toEqual([]);
  });
});

test("what does not work is said once", async () => {
  const notifier = create({ ...command(put("bin/tell", "exit 1")), by: by("desktop") })!;
  fs.writeFileSync(at("bin/notify-send"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
  await notifier.finish(0, 5000);
  await notifier.finish(0, 5000);
  expect(told.sort()).toEqual([
    `nobody was notified by ${at("bin/tell")}: it failed, or took longer than 10 seconds`,
    "nobody was notified by notify-send: it failed, or took longer than 10 seconds",
  ]);
});

test("a desktop notification is words, not markup, options or a script", async () => {
  put("bin/notify-send");
  fs.mkdirSync(at("--<b>x"));
  await create({ by: by("desktop") }, "--<b>x")!.finish(1, 5000);
  expect(called()).toBe("<--app-name=cordon>\n<-->\n<cordon>\n<claude has ended with status 1 (--&lt;b&gt;x, s1)>\n");
  const { name, args } = desktopCall("darwin", 'x" & do shell script "y');
  expect(name).toBe("osascript");
  expect(args.slice(-2)).toEqual(['x" & do shell script "y', "cordon"]);
  expect(args.slice(0, -2).join(" ")).not.toContain("shell");
});

test("a sentence is short and holds no control character", () => {
  const sentence = describeEvent(
    { kind: "waiting" },
    { agent: "claude", project: `/p/${"\x1b]0;x\x07\n".repeat(99)}` },
  );
  expect(sentence).not.toMatch(/\p{Cc}/u);
  expect(sentence.length).toBeLessThan(120);
});
