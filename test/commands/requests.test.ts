import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { type Answer, askControl, type Request, serveControl } from "../../src/run/control.ts";

setDefaultTimeout(60_000);

let directory: string;
let socket: string;
beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), "cr-"));
  socket = path.join(directory, "control");
});
afterEach(() => fs.rmSync(directory, { recursive: true, force: true }));

test("only whole requests of the protocol are handed on, without anything else in them", async () => {
  const heard: Request[] = [];
  const server = serveControl(socket, (request) => {
    heard.push(request);
    return { ok: true };
  });
  const rule = { verb: "allow", pattern: "a.test", origin: "cordon allow --running" };
  const good = [
    { verb: "stop" },
    { ...rule, remove: false },
    { ...rule, verb: "deny", remove: true },
    { verb: "publish", inside: 1 },
    { verb: "publish", inside: 65535, outside: 80 },
  ];
  const bad = [
    ...[null, 1, "stop", [], {}, { verb: "dance" }, { verb: ["stop"] }, { verb: "__proto__" }],
    ...[{}, [], 1, "", "a\u001b", "é", "x".repeat(3000)].map((pattern) => ({ ...rule, pattern })),
    ...[undefined, "", "a\nb"].map((origin) => ({ ...rule, origin })),
    { ...rule, remove: "yes" },
    ...[undefined, 0, 65536, 1.5, "80", -1, {}].map((inside) => ({ verb: "publish", inside })),
    ...[0, "80", null].map((outside) => ({ verb: "publish", inside: 80, outside })),
  ];
  for (const request of bad)
    expect(await askControl(socket, request as Request, 30_000)).toEqual({ ok: false, problem: "unknown request" });
  expect(heard).toEqual([]);
  for (const request of good)
    expect(await askControl(socket, { ...request, more: 1 } as unknown as Request, 30_000)).toEqual({ ok: true });
  expect(heard as object[]).toEqual(good);
  server.close();
});

test("an answer may take its time, and what goes wrong on the way is one", async () => {
  const gate = Promise.withResolvers<Answer>();
  const server = serveControl(socket, (request) => {
    if (request.verb === "stop") throw new Error("at once");
    return request.verb === "publish" ? gate.promise : Promise.reject(new Error("later"));
  });
  const published = askControl(socket, { verb: "publish", inside: 80 }, 30_000);
  const rule: Request = { verb: "allow", pattern: "a.test", origin: "test" };
  expect(await askControl(socket, { verb: "stop" }, 30_000)).toEqual({ ok: false, problem: "at once" });
  expect(await askControl(socket, rule, 30_000)).toEqual({ ok: false, problem: "later" });
  gate.resolve({ ok: true, address: "127.0.0.1:80" });
  expect(await published).toEqual({ ok: true, address: "127.0.0.1:80" });
  server.close();
});
