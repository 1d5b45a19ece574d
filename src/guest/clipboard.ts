import fs from "node:fs";
import { requestOf } from "../clipboard/arguments.ts";
import { type ClipboardRequest, type programs, socketPlace } from "../clipboard/clipboard.ts";

/**
 * What `xclip` and `wl-paste` are inside: asks the host for the types or the image, and prints it. Gives the exit status,
 * 1 when nothing is handed out, as theirs.
 */
export const readClipboard = async (program: (typeof programs)[number], args: readonly string[]): Promise<number> => {
  const request = requestOf(program, args);
  const answer = request === undefined ? { refusal: "only images are handed out" } : await ask(request);
  if (answer instanceof Uint8Array) return print(1, answer) ? 0 : 1;
  // The first words are wl-paste's own: agents know them by heart.
  print(2, Buffer.from(`Nothing is copied: ${answer.refusal}\n`));
  return 1;
};

const ask = async (request: ClipboardRequest): Promise<Uint8Array | { refusal: string }> => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const chunks: Uint8Array[] = [];
  try {
    const socket = await Bun.connect({
      unix: socketPlace,
      socket: { data: (_socket, bytes) => void chunks.push(Uint8Array.from(bytes)), close: () => resolve() },
    });
    socket.write(`${request}\n`);
    await promise;
  } catch {}
  const whole = Buffer.concat(chunks);
  const end = whole.indexOf("\n");
  const [, verdict, rest = ""] = /^(ok|no) (.*)$/.exec(whole.toString("latin1", 0, Math.max(0, end))) ?? [];
  const body = whole.subarray(end + 1);
  if (verdict === "ok" && body.length === Number(rest)) return body;
  return { refusal: verdict === "no" ? rest : "the host does not answer" };
};

/** False when the reader has gone away. */
const print = (fd: number, bytes: Uint8Array): boolean => {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += fs.writeSync(fd, bytes, at);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "EAGAIN") return false;
    }
  }
  return true;
};
