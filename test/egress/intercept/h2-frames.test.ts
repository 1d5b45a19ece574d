import { describe, expect, test } from "bun:test";
import { flag, frameType, writeFrame } from "../../../src/egress/intercept/frames.ts";
import { createH2Relay } from "../../../src/egress/intercept/h2.ts";
import type { Field, Head } from "../../../src/egress/intercept/head.ts";
import {
  credit,
  data,
  nothing,
  openRelay,
  options,
  paddedData,
  placeholder,
  preface,
  requestFields,
  reset,
  type Seen,
  secret,
  settings,
  split,
} from "./h2-lab.ts";

const ok: Field[] = [[":status", "200"]];
const brief = (frames: Seen[]) =>
  frames.map(({ type, flags, stream, payload }) => `${type} ${flags} ${stream} ${payload.toString("latin1")}`);
const pairsOf = ({ payload }: Seen) =>
  Array.from({ length: payload.length / 6 }, (_, at) => [
    payload.readUInt16BE(at * 6),
    payload.readUInt32BE(at * 6 + 2),
  ]);

describe("settings", () => {
  const first = (from: "up" | "down", ...pairs: [number, number][]) => {
    const relay = createH2Relay(options);
    const passed =
      from === "up" ? relay.up(Buffer.concat([preface, settings(...pairs)])) : relay.down(settings(...pairs));
    if ("problem" in passed) throw new Error(passed.problem);
    return pairsOf(split(Buffer.from(passed.forward).subarray(from === "up" ? preface.length : 0))[0]!).sort();
  };
  test("say what is left out", () => {
    expect(first("up")).toEqual([
      [1, 4096],
      [2, 0],
      [6, 65_536],
    ]);
    expect(first("down")).toEqual([
      [1, 4096],
      [3, 1000],
      [6, 65_536],
    ]);
  });
  test("are made no more than the relay can do", () => {
    const most: [number, number][] = [1, 2, 3, 4, 5, 6, 8, 9, 0xfafa, 0].map((id) => [id, 0x7fff_ffff]);
    expect(first("up", ...most)).toEqual([
      [1, 4096],
      [2, 0],
      [3, 0x7fff_ffff],
      [4, 0x7fff_ffff],
      [5, 2 ** 20],
      [6, 65_536],
    ]);
    expect(first("down", ...most)).toEqual([
      [1, 4096],
      [3, 1000],
      [4, 0x7fff_ffff],
      [5, 2 ** 20],
      [6, 65_536],
    ]);
  });
  test("are left where they are less", () => {
    expect(first("down", [1, 0], [3, 7], [6, 100])).toEqual([
      [1, 0],
      [3, 7],
      [6, 100],
    ]);
  });
  test("say nothing new later", () => {
    const { up } = openRelay();
    expect(brief(up(settings(), writeFrame(frameType.settings, flag.ack, 0, nothing)).server)).toEqual([
      "4 0 0 ",
      "4 1 0 ",
    ]);
    expect(pairsOf(up(settings([4, 5])).server[0]!)).toEqual([[4, 5]]);
  });
});

describe("a request", () => {
  test("goes on with what the judge gives", () => {
    const heads: Head[] = [];
    const { up, head, readForServer } = openRelay({
      ...options,
      judge: (own) => {
        heads.push(own);
        return options.judge(own);
      },
    });
    const sent = up(head(1, requestFields("/a", ["host", "a.example"], ["Authorization".toLowerCase(), placeholder])));
    expect(heads).toEqual([
      { method: "GET", target: "/a", authority: "a.example", fields: [["authorization", placeholder]] },
    ]);
    expect(readForServer(sent.server[0]).sort()).toEqual(
      [...requestFields("/a"), ["authorization", secret] as Field].sort(),
    );
    expect(sent.server[0]!.flags & flag.endStream).toBe(1);
  });

  test("that is refused never reaches the server, nor does its body, and others go on", () => {
    const { up, down, head, answer, readForClient } = openRelay();
    const { server, client } = up(head(1, requestFields("/refused"), false), data(1, "body"), data(1, "more", true));
    expect(server).toEqual([]);
    expect(readForClient(client[0])).toEqual([
      [":status", "403"],
      ["content-type", "text/plain"],
      ["x-cordon", "refused"],
      ["content-length", "17"],
    ]);
    expect(brief(client.slice(1))).toEqual([
      "0 1 1 cordon: not here\n",
      "8 0 0 \0\0\0\x04",
      "8 0 1 \0\0\0\x04",
      "8 0 0 \0\0\0\x04",
    ]);
    // The server does not know the stream.
    expect(up(credit(1, 5), reset(1), head(1, [["trailer", "a"]]))).toEqual({ server: [], client: [] });
    expect(up(head(3, requestFields(), false), data(3, "x", true)).server.length).toBe(2);
    expect(brief(down(answer(3, ok), data(3, "fine", true)).client).at(-1)).toBe("0 1 3 fine");
  });

  test("that is refused has no body where there may be none", () => {
    const { up, head } = openRelay();
    const asked = requestFields("/refused").map(([name, value]): Field => [name, value === "GET" ? "HEAD" : value]);
    expect(up(head(1, asked)).client.map(({ type, flags }) => [type, flags])).toEqual([[1, 5]]);
    up(settings([4, 10]));
    expect(up(head(3, requestFields("/refused"))).client.map(({ type, flags }) => [type, flags])).toEqual([[1, 5]]);
  });

  test("trailers pass, but none that belong into the head", () => {
    const { up, head, readForServer } = openRelay();
    const trailed = up(head(1, requestFields(), false), head(1, [["checksum", "a"]]));
    expect(readForServer(trailed.server[0]).length).toBe(4);
    expect(readForServer(trailed.server[1])).toEqual([["checksum", "a"]]);
    let id = 3;
    for (const name of ["authorization", "host", "content-length", "x-api-key", ":path", "connection"]) {
      const { server, client } = up(head(id, requestFields(), false), head(id, [[name, "a"]]));
      expect([server.map(({ type }) => type), client.map(({ type }) => type)]).toEqual([[1, 3], [3]]);
      id += 2;
    }
  });

  test("trailers come once, at the end, and behind the whole body", () => {
    const { up, head } = openRelay();
    const trailers: Field[] = [["checksum", "a"]];
    const bad = [
      [head(1, requestFields(), false), head(1, trailers, false)],
      [head(3, requestFields()), head(3, trailers)],
      [head(5, requestFields("/", ["content-length", "1"]), false), head(5, trailers)],
    ];
    for (const frames of bad) expect(up(...frames).server.map(({ type }) => type)).toEqual([1, 3]);
  });

  test.each([
    ["more than its length", [data(1, "1234")], false],
    ["more than its length at the end", [data(1, "12"), data(1, "34", true)], false],
    ["less than its length", [data(1, "12", true)], false],
    ["data behind its end", [data(1, "123", true), data(1, "")], false],
    ["just its length", [data(1, "12"), paddedData(1, "3", 4, true)], true],
    ["its length, and the end alone", [data(1, "123"), data(1, "", true)], true],
  ])("with %s", (_, frames, isPassed) => {
    const { up, head } = openRelay();
    up(head(1, requestFields("/", ["content-length", "3"]), false));
    const { server } = up(...frames);
    expect(!server.some(({ type }) => type === frameType.rstStream)).toBe(isPassed);
    expect(server.reduce((sum, { type, payload }) => sum + (type === 0 ? payload.length : 0), 0)).toBeLessThanOrEqual(
      8,
    );
  });
});

describe("credit", () => {
  test("for the gateway's own answers is not the server's", () => {
    const { up, down, head } = openRelay();
    up(head(1, requestFields("/refused")));
    expect(brief(down(credit(0, 10)).client)).toEqual(["8 0 0 \0\0\0\x0a"]);
    expect(up(credit(0, 10)).server).toEqual([]);
    expect(brief(up(credit(0, 10)).server)).toEqual(["8 0 0 \0\0\0\x03"]);
    expect(brief(up(credit(0, 10)).server)).toEqual(["8 0 0 \0\0\0\x0a"]);
  });

  test("for them is never more than a little ahead", () => {
    const { up, head } = openRelay();
    let bytes = 0;
    for (let id = 1; id < 2000; id += 2)
      for (const { type, payload } of up(head(id, requestFields("/refused"))).client)
        if (type === 0) bytes += payload.length;
    expect(bytes).toBeGreaterThan(4000);
    expect(bytes).toBeLessThanOrEqual(4096);
  });

  test("is given back for padding that is taken off", () => {
    const { up, down, head, answer } = openRelay();
    up(head(1, requestFields()));
    const { client, server } = down(answer(1, ok), paddedData(1, "...", 4), paddedData(1, "...", 9, true));
    expect(brief(client.slice(1))).toEqual(["0 0 1 ...", "0 1 1 ..."]);
    expect(brief(server)).toEqual(["8 0 0 \0\0\0\x05", "8 0 1 \0\0\0\x05", "8 0 0 \0\0\0\x0a"]);
  });

  test("is given back for what is held when a stream is reset, and for what comes later", () => {
    const { up, down, head, answer } = openRelay();
    up(head(1, requestFields()));
    expect(brief(down(answer(1, ok), data(1, `xyz${secret.slice(0, 5)}`)).client).at(-1)).toBe("0 0 1 xyz");
    expect(brief(up(reset(1)).server)).toEqual(["8 0 0 \0\0\0\x05", "3 0 1 \0\0\0\x08"]);
    const { client, server } = down(data(1, "late"), answer(1, [["late", "a"]], true), credit(1, 3), reset(1));
    expect(client).toEqual([]);
    expect(brief(server)).toEqual(["8 0 0 \0\0\0\x04"]);
  });

  test("is given back for the rest of a frame whose stream is reset, once", () => {
    const { relay, up, down, head, answer } = openRelay();
    up(head(1, requestFields()), head(3, requestFields(), false));
    down(answer(1, ok), answer(3, ok));
    const frame = data(1, "0123456789");
    relay.down(frame.subarray(0, 9 + 4));
    up(reset(1));
    expect(brief(down(frame.subarray(9 + 4)).server)).toEqual(["8 0 0 \0\0\0\x06"]);
    down(data(3, secret.slice(0, 5)), answer(3, [["a", "b"]], true));
    expect(brief(up(reset(3)).server)).toEqual(["3 0 3 \0\0\0\x08"]);
  });

  test("of a stream that both sides know passes", () => {
    const { up, down, head } = openRelay();
    up(head(1, requestFields(), false));
    expect(brief(up(credit(1, 7), credit(0, 8)).server)).toEqual(["8 0 1 \0\0\0\x07", "8 0 0 \0\0\0\x08"]);
    expect(brief(down(credit(1, 7), credit(0, 8)).client)).toEqual(["8 0 1 \0\0\0\x07", "8 0 0 \0\0\0\x08"]);
  });
});
