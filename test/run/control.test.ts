import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { createLab, type Lab, type Started } from "./lab.ts";

setDefaultTimeout(60_000);

/** Sends bytes and gives back what came until the other side hung up; `undefined` when it did not. */
const talk = (socketPath: string, bytes: string | Buffer, patienceMs = 30_000): Promise<string | undefined> =>
  new Promise((resolve) => {
    let text = "";
    const socket = net.connect(socketPath);
    const timer = setTimeout(() => {
      resolve(undefined);
      socket.destroy();
    }, patienceMs);
    const finish = () => {
      clearTimeout(timer);
      resolve(text);
    };
    socket.on("data", (chunk) => {
      text += chunk;
    });
    socket.on("error", finish);
    socket.on("close", finish);
    socket.write(bytes);
  });

describe("the control socket", () => {
  let lab: Lab;
  let run: Started;
  let socket: string;
  beforeAll(async () => {
    lab = createLab(process.getuid?.() ?? 0);
    run = await lab.start("sleep 600");
    socket = path.join(lab.runs, run.id, "control");
  });
  afterAll(() => lab.close());

  test("answers nonsense with a refusal or a hang-up, and goes on", async () => {
    const answers = await Promise.all([
      talk(socket, "nonsense\n"),
      talk(socket, "null\n"),
      talk(socket, '{"verb":"dance"}\n'),
      talk(socket, '{"verb":"__proto__"}\n{"verb":"stop"}\n'),
      talk(socket, Buffer.alloc(256, 0xff).fill(10, 255)),
    ]);
    for (const answer of answers) expect(JSON.parse(answer!).ok).toBe(false);
    expect(await talk(socket, "x".repeat(1024 * 1024))).toBe("");
    expect(await talk(socket, "[".repeat(60_000).concat("\n"))).toContain('"ok":false');
    expect(lab.cordon(["exec", run.id, "true"]).code).toBe(0);
  });

  test("does not wait for half a request for ever", async () => {
    expect(await talk(socket, '{"verb":')).toBe("");
    expect(lab.cordon(["ps"]).stdout).toContain(run.id);
  });

  test("answers nobody in another user namespace", async () => {
    const client = `
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect("${socket}")
try:
    s.sendall(b'{"verb":"dance"}\\n')
    sys.stdout.write(s.recv(4096).decode())
except OSError:
    pass`;
    const python = ["python3", "-c", client];
    const bwrap = ["bwrap", "--unshare-user", "--bind", "/", "/", "--dev", "/dev", ...python];
    const outside = spawnSync(python[0]!, python.slice(1), { encoding: "utf8" });
    expect(outside.stdout).toContain('"ok":false');
    const inside = spawnSync(bwrap[0]!, bwrap.slice(1), { encoding: "utf8" });
    expect({ status: inside.status, stdout: inside.stdout, stderr: inside.stderr }).toEqual({
      status: 0,
      stdout: "",
      stderr: "",
    });
  });

  test("is not to be found inside", () => {
    expect(lab.cordon(["exec", run.id, "test", "-e", socket]).code).toBe(1);
    expect(fs.statSync(path.dirname(socket)).mode & 0o077).toBe(0);
  });
});
