import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { readIdentities } from "../../src/ssh-agent/protocol.ts";
import { serveSshAgent } from "../../src/ssh-agent/serve.ts";
import {
  answerType,
  byte,
  chosen,
  exchange,
  frame,
  keyOf,
  other,
  signRequest,
  startAgent,
  string,
  type TestAgent,
  uint32,
  userauth,
} from "./agent.ts";

/** Whatever is refused here is shown to work on the agent itself: otherwise the refusal would prove nothing. */

const directory = fs.mkdtempSync(path.join(os.tmpdir(), "sa-"));
const filter = path.join(directory, "filter");
const [failure, success, signature] = [5, 6, 14];
let agent: TestAgent;
let mine: Buffer;
let theirs: Buffer;
let server: { close(): void };

beforeAll(async () => {
  agent = await startAgent(path.join(directory, "keys"), process.getuid!());
  [mine, theirs] = [keyOf(agent.at("chosen.pub")), keyOf(agent.at("other.pub"))];
  server = serveSshAgent(filter, { kind: "ssh-agent", agent: agent.socket, keys: [mine.toString("base64")] });
});
afterAll(() => {
  server.close();
  agent.stop();
  fs.rmSync(directory, { recursive: true, force: true });
});

const commentsAt = async (socket: string): Promise<string[]> => {
  const [answer] = await exchange(socket, frame(byte(11)));
  return readIdentities(answer!)!.map(({ comment }) => Buffer.from(comment).toString());
};

/** A tool of OpenSSH, which must not hold up this process: the filter runs in it. */
const run = (words: string[], socket: string): Promise<{ code: number; text: string }> =>
  new Promise((resolve) => {
    const [program = "", ...args] = words;
    const child = spawn(program, args, {
      env: { PATH: process.env["PATH"]!, HOME: directory, SSH_AUTH_SOCK: socket },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
    child.on("close", (code) => resolve({ code: code ?? -1, text }));
  });

test("only the chosen key is seen", async () => {
  expect(await commentsAt(agent.socket)).toEqual([chosen, other]);
  expect(await commentsAt(filter)).toEqual([chosen]);
  const { text } = await run(["ssh-add", "-L"], filter);
  expect(text.trim()).toBe(fs.readFileSync(agent.at("chosen.pub"), "utf8").trim());
});

describe("signatures", () => {
  test("a login with the chosen key is signed", async () => {
    const message = signRequest(mine, userauth(mine));
    const [answer] = await exchange(filter, frame(message));
    expect(answer).toEqual((await exchange(agent.socket, frame(message)))[0]!);
    expect(answer![0]).toBe(signature);
  });

  const hostile: [string, () => Buffer][] = [
    ["a login with the other key", () => signRequest(theirs, userauth(theirs))],
    ["an arbitrary blob", () => signRequest(mine, Buffer.from("pay 100 to mallory"))],
    [
      "what git signs",
      () =>
        signRequest(
          mine,
          Buffer.concat([Buffer.from("SSHSIG"), string("git"), string(""), string("sha512"), string("h")]),
        ),
    ],
    ["a login that names the other key", () => signRequest(mine, userauth(theirs))],
  ];
  test.each(hostile)("%s is refused", async (_name, build) => {
    expect(await answerType(agent.socket, build())).toBe(signature);
    expect(await answerType(filter, build())).toBe(failure);
  });

  test("ssh-keygen signs no file through it", async () => {
    const words = ["ssh-keygen", "-Y", "sign", "-n", "file", "-f", agent.at("chosen.pub")];
    const file = path.join(directory, "document");
    fs.writeFileSync(file, "text");
    expect((await run([...words, file], filter)).code).not.toBe(0);
    expect((await run([...words, file], agent.socket)).code).toBe(0);
  });
});

describe("changes of the agent", () => {
  const added = Buffer.concat([
    ...[byte(17), string("ssh-ed25519")],
    ...[string(Buffer.alloc(32, 7)), string(Buffer.alloc(64, 7)), string("added@test")],
  ]);
  const removed = (key: Buffer) => Buffer.concat([byte(18), string(key)]);
  const changes: [string, () => Buffer][] = [
    ["lock it", () => Buffer.concat([byte(22), string("word")])],
    ["unlock it", () => Buffer.concat([byte(23), string("word")])],
    ["add a key", () => added],
    ["take a key away", () => removed(mine)],
    ["take all keys away", () => byte(19)],
  ];
  test.each(changes)("nobody inside can %s", async (_name, build) => {
    // `unlock` needs a locked one to work: the row before leaves it so.
    const before = await commentsAt(agent.socket);
    expect(await answerType(filter, build())).toBe(failure);
    expect(await commentsAt(agent.socket)).toEqual(before);
    expect(await answerType(agent.socket, build())).toBe(success);
    expect(await commentsAt(agent.socket)).not.toEqual(before);
  });

  test("and what is added again is seen again", async () => {
    expect((await run(["ssh-add", "-q", agent.at("chosen"), agent.at("other")], filter)).code).not.toBe(0);
    expect((await run(["ssh-add", "-q", agent.at("chosen"), agent.at("other")], agent.socket)).code).toBe(0);
    expect(await commentsAt(filter)).toEqual([chosen]);
  });
});

describe("the connection", () => {
  test("an impossible length ends it", async () => {
    for (const length of [0, 256 * 1024 + 1, 0xffffffff])
      expect(await exchange(filter, Buffer.concat([uint32(length), byte(11)]))).toEqual([]);
  });

  test("so does more than one whole message beforehand, when nobody reads", async () => {
    const flood = Buffer.concat(Array.from({ length: 60_000 }, () => frame(byte(11))));
    expect((await exchange(filter, flood, Number.POSITIVE_INFINITY)).length).toBeLessThan(60_000);
    expect(await commentsAt(filter)).toEqual([chosen]);
  });

  test("requests in one piece, or byte by byte, are answered in order", async () => {
    const several = Buffer.concat(
      [byte(99), byte(11), signRequest(mine, userauth(mine)), byte(19)].map((m) => frame(m)),
    );
    const answers = await exchange(filter, several, 4);
    expect(answers.map(([type]) => type)).toEqual([failure, 12, signature, failure]);
    const slow = net.connect(filter);
    const came = new Promise<Buffer>((resolve) => slow.once("data", resolve));
    for (const one of frame(byte(11))) {
      slow.write(Buffer.of(one));
      await Bun.sleep(1);
    }
    expect((await came)[4]).toBe(12);
    slow.destroy();
  });

  test("noise does it no harm", async () => {
    for (let round = 0; round < 200; round++) {
      const body = Buffer.from(crypto.getRandomValues(new Uint8Array(1 + (round % 90))));
      const type = await answerType(filter, Buffer.concat([byte([11, 13, 17, 27][round % 4]!), body]));
      expect(type).toBe(failure);
    }
    expect(await commentsAt(filter)).toEqual([chosen]);
  });

  test("more of them than anybody needs are not taken", async () => {
    const sockets = Array.from({ length: 40 }, () => net.connect(filter));
    const ended = sockets.map((socket) => new Promise((resolve) => socket.on("close", resolve).on("error", () => {})));
    await Promise.race(ended);
    const taken = sockets.filter((socket) => !socket.destroyed);
    expect(taken.length).toBeGreaterThan(0);
    for (const socket of sockets) socket.destroy();
    await Promise.all(ended);
    let comments: string[] = [];
    for (let tries = 0; tries < 100 && comments.length === 0; tries++)
      comments = await commentsAt(filter).catch(() => Bun.sleep(20).then(() => []));
    expect(comments).toEqual([chosen]);
  });
});

test("without the host's agent everything fails, and nothing hangs", async () => {
  agent.stop();
  expect(await answerType(filter, byte(11))).toBe(failure);
});
