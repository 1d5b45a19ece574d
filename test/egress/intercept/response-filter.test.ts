import { describe, expect, test } from "bun:test";
import type { Clean } from "../../../src/egress/intercept/head.ts";
import { createResponseFilter, type ResponseFilter } from "../../../src/egress/intercept/response-filter.ts";
import { createNeedles, createScrubber } from "../../../src/egress/intercept/scrub.ts";
import { createNoise, type Noise } from "../noise.ts";
import { latin1, textOf } from "../requests.ts";
import { chunked, ok, readAnswers, readText, sized } from "./responses.ts";

const secret = "sk-fake-0123456789";
const hidden = "*".repeat(secret.length);
const needles = createNeedles([secret]);
const hide = (text: string): string => text.replaceAll(secret, hidden);

const dropping: Clean = (_, fields) => fields.filter(([name]) => name.toLowerCase() !== "alt-svc");

const createScrubbing = (...methods: string[]): ResponseFilter => {
  const filter = createResponseFilter({ clean: dropping, createScrubber: () => createScrubber(needles) });
  for (const method of methods) filter.expect(method);
  return filter;
};
const createPassing = (...methods: string[]): ResponseFilter => {
  const filter = createResponseFilter({ clean: (_, fields) => fields, createScrubber: () => undefined });
  for (const method of methods) filter.expect(method);
  return filter;
};
const pushText = (filter: ResponseFilter, text: string): string | undefined => {
  const given = filter.push(latin1(text));
  return given && textOf(given);
};

describe("an answer", () => {
  test("goes on with other fields, of the same length, without the secret", () => {
    const filter = createScrubbing("GET");
    const fields = `Alt-Svc: h3=":443"\r\nX-Echo: Bearer ${secret}\r\nX-${secret}: 1\r\n`;
    const answer = sized(`{"key":"${secret}"}`, fields);
    expect(pushText(filter, answer.replace("OK", secret))).toBe(
      hide(answer.replace(/Alt-Svc.*\r\n/, "").replace("OK", secret)),
    );
    expect([filter.state(), filter.outstanding(), filter.finish()]).toEqual(["http", 0, new Uint8Array(0)]);
  });

  test("passes each event of a stream at once, and only the beginning of a secret later", () => {
    const filter = createScrubbing("GET");
    expect(pushText(filter, chunked(""))).toBe(chunked(""));
    expect(pushText(filter, "a\r\ndata: {}\n\n\r\n")).toBe("a\r\ndata: {}\n\n\r\n");
    expect(pushText(filter, `6\r\n: sk-f\r\n`)).toBe("2\r\n: \r\n");
    expect(pushText(filter, `d\r\n${secret.slice(4, 17)}\r\n`)).toBe("");
    expect(pushText(filter, `3\r\n9\n\n\r\n`)).toBe(`14\r\n${hidden}\n\n\r\n`);
    expect(pushText(filter, "4\r\nsk-f\r\n")).toBe("");
    expect(pushText(filter, `0\r\nX-Sum: ${secret}\r\nAlt-Svc: x\r\n\r\n`)).toBe(
      `4\r\nsk-f\r\n0\r\nX-Sum: ${hidden}\r\n\r\n`,
    );
  });

  test("of many chunks at once becomes one", () => {
    const many = Array.from({ length: 100_000 }, (_, at) => `1\r\n${at % 10}\r\n`).join("");
    for (const create of [createScrubbing, createPassing])
      expect(pushText(create("GET"), chunked(`${many}0\r\n\r\n`))).toBe(
        chunked(`186a0\r\n${"0123456789".repeat(10_000)}\r\n0\r\n\r\n`),
      );
  });

  test("is the chunk itself where nothing is to be done", () => {
    for (const filter of [createScrubbing("GET"), createPassing("GET")]) {
      filter.push(latin1(ok(`Content-Length: ${1 << 20}\r\n`)));
      const chunk = new Uint8Array(1 << 20);
      const given = filter.push(chunk)!;
      expect([given.buffer === chunk.buffer, given.length]).toEqual([true, 1 << 20]);
    }
  });

  test("to each of several requests is its own", () => {
    const filter = createScrubbing("HEAD", "GET", "GET");
    const early = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    const stream = ok("Content-Length: 5\r\n") + early + sized("sk-fake") + ok("", "-0123456789");
    expect(pushText(filter, stream)).toBe(stream);
    expect(filter.outstanding()).toBe(1);
    expect(pushText(filter, secret)).toBe(hidden);
    expect(pushText(filter, "sk")).toBe("");
    expect(textOf(filter.finish()!)).toBe("sk");
    expect(filter.outstanding()).toBe(0);
  });

  test("is scrubbed of what is secret when it begins", () => {
    const secrets = ["first-secret", "second-secret"];
    const filter = createResponseFilter({
      clean: dropping,
      createScrubber: () => createScrubber(createNeedles([secrets.shift()!])),
    });
    for (let count = 0; count < 2; count += 1) filter.expect("GET");
    const body = "first-secret second-secret";
    expect(pushText(filter, sized(body) + sized(body))).toBe(
      sized("************ second-secret") + sized("first-secret *************"),
    );
  });

  test("is told of with its status, with its trailers too", () => {
    const told: [number, string[]][] = [];
    const clean: Clean = (status, fields) => {
      told.push([status, fields.map(([name]) => name)]);
      return fields;
    };
    const filter = createResponseFilter({ clean, createScrubber: () => undefined });
    for (let count = 0; count < 2; count += 1) filter.expect("GET");
    const end = "0\r\nX-Sum: 1\r\n\r\n";
    pushText(filter, `HTTP/1.1 100 \r\n\r\n${chunked(end)}${chunked("0\r\n\r\n").replace("200", "401")}`);
    expect(told).toEqual([
      [100, []],
      [200, ["Transfer-Encoding"]],
      [200, ["X-Sum"]],
      [401, ["Transfer-Encoding"]],
    ]);
  });
});

describe("a switch of protocols", () => {
  const head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

  test("passes, and then all that comes, scrubbed as one stream", () => {
    const filter = createScrubbing("GET");
    expect(pushText(filter, `${head}\x81\x02sk-fake-`)).toBe(`${head}\x81\x02`);
    expect(filter.state()).toBe("switched");
    expect(pushText(filter, `${secret.slice(8)}\n`)).toBe(`${hidden}\n`);
    expect(pushText(filter, "sk-")).toBe("");
    expect(textOf(filter.finish()!)).toBe("sk-");
  });

  test("leaves the bytes alone without a scrubber", () => {
    const filter = createPassing("GET");
    filter.push(latin1(head));
    const chunk = latin1(`\n\0${secret}`);
    expect(filter.push(chunk)).toEqual(new Uint8Array(chunk));
    expect(filter.finish()).toHaveLength(0);
  });
});

describe("the connection is cut off", () => {
  test.each([
    ["with an answer that nobody can frame", ok("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n")],
    ["with bytes behind the answer", `${sized("x")}${sized("y")}`],
    ["with a chunk that is none", chunked("x\r\n")],
  ])("%s", (_, text) => {
    const filter = createScrubbing("GET");
    expect(filter.fault()).toBeUndefined();
    expect(pushText(filter, text)).toBeUndefined();
    expect(filter.fault()).toMatch(/^[ -~]+$/);
    expect(pushText(filter, sized("z"))).toBeUndefined();
    expect(filter.finish()).toBeUndefined();
  });

  test("at the end of a stream that is not the end of an answer", () => {
    const filter = createScrubbing("GET");
    expect(pushText(filter, ok("Content-Length: 9\r\n", "sk-fake"))).toBe(ok("Content-Length: 9\r\n"));
    expect([filter.finish(), filter.fault()]).toEqual([undefined, "it is cut off"]);
  });
});

const textsOf = ["sk-", secret, secret.slice(0, 9), "data: x\n\n", "\r\n", "\0", "0\r\n\r\n"];

/** A stream of answers to three requests, its methods, and whether it ends with the connection. */
const answersOf = (noise: Noise): { methods: string[]; text: string } => {
  const methods: string[] = [];
  const parts: string[] = [];
  const content = () => Array.from({ length: noise.below(6) }, () => textsOf[noise.below(textsOf.length)]).join("");
  const inChunks = (text: string) =>
    noise
      .split(latin1(text))
      .map((piece) => `${piece.length.toString(16)}\r\n${textOf(piece)}\r\n`)
      .join("");
  for (let count = 0; count < 3; count += 1) {
    const kind = noise.below(5);
    methods.push(kind === 0 ? "HEAD" : "GET");
    if (kind === 0) parts.push(ok(`Content-Length: 9\r\nX: ${secret}\r\n`));
    if (kind === 1) parts.push(sized(content(), `X-Echo: ${secret}\r\n`));
    if (kind === 2) parts.push(chunked(`${inChunks(content())}0\r\n\r\n`));
    if (kind === 3)
      parts.push(`HTTP/1.1 103 ${secret}\r\n\r\n`, chunked(`${inChunks(content())}0\r\nA: ${secret}\r\n\r\n`));
    if (kind === 4) parts.push("HTTP/1.1 204 No Content\r\n\r\n");
  }
  if (noise.below(2)) {
    methods.push("GET");
    parts.push(ok("", content()));
  }
  return { methods, text: parts.join("") };
};

test("however it is cut, the client reads the server's answers without the secret", () => {
  const noise = createNoise(21);
  let found = 0;
  for (let round = 0; round < 3000; round += 1) {
    const { methods, text } = answersOf(noise);
    const filter = createScrubbing(...methods);
    const given = [...noise.split(latin1(text)).map((piece) => filter.push(piece)), filter.finish()];
    if (given.includes(undefined)) throw new Error(`cut off: ${filter.fault()}: ${JSON.stringify(text)}`);
    const read = JSON.stringify(readAnswers(methods, given as Uint8Array[]));
    const expected = hide(JSON.stringify(readText(text, ...methods)));
    if (read !== expected) throw new Error(`${read}, not ${expected}`);
    if (expected.includes(hidden)) found += 1;
  }
  expect(found).toBeGreaterThan(1000);
});

test("no bytes make it throw, or give the client what cannot be read", () => {
  const noise = createNoise(22);
  const outcomes = { whole: 0, cut: 0 };
  for (let round = 0; round < 10_000; round += 1) {
    const { methods, text } = answersOf(noise);
    const bytes = noise.mutate(latin1(text));
    const filter = createScrubbing(...methods);
    const given = [...noise.split(bytes).map((piece) => filter.push(piece)), filter.finish()];
    const cut = given.indexOf(undefined);
    outcomes[cut < 0 ? "whole" : "cut"] += 1;
    if (cut >= 0 && given.slice(cut).some((part) => part !== undefined)) throw new Error("goes on after the cut");
    const received = given.filter((part) => part !== undefined);
    const read = readAnswers(methods, received);
    const error = read.find(({ kind }) => kind === "error");
    if (error && (cut < 0 || error["reason"] !== "it is cut off")) throw new Error(JSON.stringify(error));
    if (Buffer.concat(received).includes(secret)) throw new Error(`the secret came through: ${JSON.stringify(text)}`);
  }
  expect(Math.min(outcomes.whole, outcomes.cut)).toBeGreaterThan(500);
});
