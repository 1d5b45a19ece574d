import { expect, test } from "bun:test";
import { requestOf } from "../../src/clipboard/arguments.ts";
import { imageTypes } from "../../src/clipboard/clipboard.ts";
import { isImage } from "../../src/clipboard/image.ts";
import { tools } from "../../src/clipboard/tool.ts";
import { captureBytes } from "../../src/exec.ts";

const zeros = Buffer.alloc(40);
const samples = {
  "image/png": Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), zeros]),
  "image/jpeg": Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), zeros]),
  "image/gif": Buffer.concat([Buffer.from("GIF89a"), zeros]),
  "image/webp": Buffer.concat([Buffer.from("RIFF"), Buffer.from([40, 0, 0, 0]), Buffer.from("WEBPVP8 "), zeros]),
  "image/bmp": Buffer.concat([Buffer.from("BM"), zeros]),
};

test("each type is known by its beginning, and by no other's", () => {
  for (const type of imageTypes)
    for (const other of imageTypes)
      expect([type, other, isImage(samples[other], type)]).toEqual([type, other, type === other]);
});

test("text is none of them, not even with their letters in front", () => {
  for (const text of ["", "a password", "GIF89a and more words", "BM of a sentence", "RIFF....WEBP is a word", "RIFF"])
    for (const type of imageTypes) expect(isImage(Buffer.from(text), type)).toBe(false);
  for (const type of imageTypes) expect(isImage(samples[type].subarray(0, 3), type)).toBe(false);
});

test("a call asks for types, for an image, or for nothing that is handed out", () => {
  const asked: [string, ReturnType<typeof requestOf>][] = [
    ["xclip -selection clipboard -t TARGETS -o", "types"],
    ["xclip -selection clipboard -t image/png -o", "image/png"],
    ["xclip -sel c -target image/bmp -out", "image/bmp"],
    ["xclip -selection primary -t image/png -o", undefined],
    ["xclip -t image/png -o", undefined],
    ["xclip -selection clipboard -t image/png", undefined],
    ["xclip -selection clipboard -t text/plain -o", undefined],
    ["xclip -selection clipboard -o", undefined],
    ["xclip", undefined],
    ["wl-paste -l", "types"],
    ["wl-paste --list-types", "types"],
    ["wl-paste -t image/png", "image/png"],
    ["wl-paste --no-newline --type image/png", "image/png"],
    ["wl-paste --type=image/jpg", "image/jpeg"],
    ["wl-paste -p -t image/png", undefined],
    ["wl-paste --primary -l", undefined],
    ["wl-paste --type text", undefined],
    ["wl-paste --type types", undefined],
    ["wl-paste --no-newline", undefined],
    ["wl-paste --type", undefined],
  ];
  for (const [line, request] of asked) {
    const [program, ...args] = line.split(" ");
    expect([line, requestOf(program as "xclip", args)]).toEqual([line, request]);
  }
});

test("AppleScript's way of printing data is read", () => {
  const { osascript } = tools;
  expect(osascript.typesIn(Buffer.from("«class PNGf», 12, «class utf8», 3"))).toEqual(["image/png"]);
  const printed = `«data PNGf${samples["image/png"].toString("hex").toUpperCase()}»\n`;
  expect(osascript.imageIn(Buffer.from(printed))).toEqual(samples["image/png"]);
  expect(osascript.imageIn(Buffer.from("a password"))).toHaveLength(0);
});

test("a program that prints too much, too long, or fails, gives nothing", async () => {
  const run = (script: string, timeoutMs = 30_000) =>
    captureBytes("/bin/sh", ["-c", script], { env: {}, timeoutMs, maxBytes: 1000 });
  expect(Buffer.from((await run("printf '\\377\\000x'"))!)).toEqual(Buffer.from([0xff, 0, 0x78]));
  expect((await run("head -c 1000 /dev/zero"))?.length).toBe(1000);
  expect(await run("head -c 1001 /dev/zero")).toBeUndefined();
  expect(await run("yes")).toBeUndefined();
  expect(await run("echo x; exit 1")).toBeUndefined();
  // What it has started still holds the pipe.
  expect(await run("sleep 1000 & sleep 1000", 100)).toBeUndefined();
  expect(await captureBytes("/nonexistent", [], { env: {}, timeoutMs: 1000, maxBytes: 1 })).toBeUndefined();
});
