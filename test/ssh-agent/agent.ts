import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";

export const chosen = "chosen@test";
export const other = "other@test";

export type TestAgent = { socket: string; at(name: string): string; stop(): void };

/** The words that make a program run as another user. */
const asUser = (uid: number, words: string[]): [string, string[]] => {
  const [program = "", ...args] = words;
  if (uid === process.getuid?.()) return [program, args];
  return ["setpriv", [`--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", program, ...args]];
};

/** A real ssh-agent of one user with two keys, `chosen` and `other`, whose files are in `directory`. */
export const startAgent = async (directory: string, uid: number): Promise<TestAgent> => {
  const at = (name: string) => path.join(directory, name);
  fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
  for (const comment of [chosen, other]) {
    const file = at(comment.split("@")[0]!);
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", file]);
  }
  execFileSync("chown", ["-R", `${uid}:${uid}`, directory]);
  const socket = at("agent");
  const env = { PATH: process.env["PATH"]!, HOME: directory, SSH_AUTH_SOCK: socket };
  const child = spawn(...asUser(uid, ["ssh-agent", "-D", "-a", socket]), { env, stdio: "ignore" });
  for (const end = Date.now() + 30_000; !fs.existsSync(socket); await Bun.sleep(5))
    if (Date.now() > end) throw new Error("the ssh-agent does not start");
  execFileSync(...asUser(uid, ["ssh-add", "-q", at("chosen"), at("other")]), { env, stdio: "pipe" });
  return { socket, at, stop: () => void child.kill("SIGKILL") };
};

/** The key of a `.pub` file as it stands on the wire. */
export const keyOf = (file: string): Buffer => Buffer.from(fs.readFileSync(file, "utf8").split(" ")[1]!, "base64");

export const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
export const string = (value: string | Uint8Array): Buffer => {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint32(bytes.length), bytes]);
};
export const frame = (...parts: Uint8Array[]): Buffer => string(Buffer.concat(parts));

export const byte = (value: number): Buffer => Buffer.of(value);

/** What a client signs to log in; each part can be another one. */
export const userauth = (key: Uint8Array, change: Partial<Record<"session" | "service" | "method", string>> = {}) =>
  Buffer.concat([
    string(change.session ?? "s".repeat(32)),
    byte(50),
    string("ada"),
    string(change.service ?? "ssh-connection"),
    string(change.method ?? "publickey"),
    byte(1),
    string("ssh-ed25519"),
    string(key),
  ]);

export const signRequest = (key: Uint8Array, data: Uint8Array, flags = 0): Buffer =>
  Buffer.concat([byte(13), string(key), string(data), uint32(flags)]);

/** Sends bytes as they are and gives the messages that come back, as many as asked for, or all until it hangs up. */
export const exchange = (socketPath: string, bytes: Uint8Array, count = 1): Promise<Buffer[]> =>
  new Promise((resolve, reject) => {
    let held = Buffer.alloc(0);
    const messages: Buffer[] = [];
    const socket = net.connect(socketPath, () => socket.write(bytes));
    const timer = setTimeout(() => reject(new Error(`only ${messages.length} answers came`)), 30_000);
    const finish = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(messages);
    };
    socket.on("data", (chunk) => {
      held = Buffer.concat([held, Buffer.from(chunk)]);
      while (held.length >= 4 && held.length >= 4 + held.readUInt32BE(0)) {
        messages.push(held.subarray(4, 4 + held.readUInt32BE(0)));
        held = held.subarray(4 + held.readUInt32BE(0));
      }
      if (messages.length >= count) finish();
    });
    socket.on("error", finish);
    socket.on("close", finish);
  });

/** The type of the first answer to one message, or undefined when it hung up. */
export const answerType = async (socketPath: string, message: Uint8Array): Promise<number | undefined> =>
  (await exchange(socketPath, frame(message)))[0]?.[0];
