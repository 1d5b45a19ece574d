import { type Body, type BodyLimits, createBody } from "../http-body.ts";
import { createLineCollector, type LineCollector } from "../line-collector.ts";
import type { Field } from "./head.ts";
import { type ResponseHead, readResponseHead } from "./response-head.ts";

export { chunkOf, lastChunk, type ResponseHead, writeResponseHead } from "./response-head.ts";

export type ResponseEvent =
  /** Any number of heads with a status below 200, which have neither body nor end, then the one that is the answer. */
  | { kind: "head"; head: ResponseHead }
  /** Content without chunk sizes, a slice of what was pushed. After status 101 what the other protocol says. */
  | { kind: "body"; bytes: Uint8Array }
  /** The answer is whole. */
  | { kind: "end"; trailers: Field[] }
  /** Nothing comes after this. */
  | { kind: "error"; reason: string };

export type ResponseReader = {
  /** Tells of a request that is sent on. Its answer comes after those to the requests before it. */
  expect(method: string): void;
  /** How many requests have no whole answer yet. */
  outstanding(): number;
  /** What the next bytes of the server's stream amount to, in order. */
  push(chunk: Uint8Array): ResponseEvent[];
  /** At the end of the stream: an answer may end so, or is cut off. Requests without any answer are no error. */
  finish(): ResponseEvent[];
};

type Limits = BodyLimits & { headBytes: number };

/** The extensions: some servers fill the size up with spaces. */
const limits: Limits = { headBytes: 65_536, fields: 200, trailerBytes: 8192, extensionBytes: 256 };

type State = {
  heads: LineCollector;
  /** The methods of the outstanding requests. */
  methods: string[];
  stage: "head" | "body" | "untilClose" | "over";
  isInHead: boolean;
  /** Of the answer that is being read. */
  body?: Body;
};

/**
 * Checks one server's stream of HTTP/1.x answers. Strict where an answer could be taken for a longer or a shorter one:
 * what comes behind it would then answer the next request. It holds at most a head, or trailers.
 */
export const createResponseReader = (): ResponseReader => {
  const heads = createLineCollector("section", limits.headBytes);
  const state: State = { heads, methods: [], stage: "head", isInHead: false };
  return {
    expect: (method) => state.methods.push(method),
    outstanding: () => state.methods.length,
    push: (chunk) => read(state, chunk),
    finish: () => finish(state),
  };
};

const read = (state: State, chunk: Uint8Array): ResponseEvent[] => {
  const events: ResponseEvent[] = [];
  let at = 0;
  while (at < chunk.length && (state.stage === "head" || state.stage === "body"))
    at = (state.stage === "head" ? takeHead : takeBody)(state, chunk, at, events);
  if (state.stage === "untilClose" && at < chunk.length) events.push({ kind: "body", bytes: chunk.subarray(at) });
  return events;
};

const takeHead = (state: State, chunk: Uint8Array, at: number, events: ResponseEvent[]): number => {
  const method = state.methods[0];
  if (method === undefined) return fail(state, events, "it answers nothing");
  const { at: next, done, fault } = state.heads.take(chunk, at);
  state.isInHead = !done;
  if (fault) return fail(state, events, faults[fault]);
  if (!done) return next;
  const head = readResponseHead(done, method, limits.fields);
  if ("reason" in head) return fail(state, events, head.reason);
  // They would never be answered.
  if (head.upgrade !== undefined && state.methods.length > 1)
    return fail(state, events, "a switch with requests behind");
  events.push({ kind: "head", head });
  if (head.bodyKind === "close") state.stage = "untilClose";
  if (head.bodyKind === "close" || head.status < 200) return next;
  state.body = createBody({ ...head, bodyKind: head.bodyKind }, limits);
  state.stage = "body";
  // A body of no bytes ends here, without waiting for more.
  return takeBody(state, chunk, next, events);
};

const takeBody = (state: State, chunk: Uint8Array, at: number, events: ResponseEvent[]): number => {
  const step = state.body!.take(chunk, at, (bytes, part) => {
    if (part === "content") events.push({ kind: "body", bytes });
  });
  if (step.refusal) return fail(state, events, step.refusal.reason);
  if (step.whole) {
    events.push({ kind: "end", trailers: step.trailers ?? [] });
    state.methods.shift();
    state.stage = "head";
  }
  return step.at;
};

const finish = (state: State): ResponseEvent[] => {
  const events: ResponseEvent[] = [];
  if (state.stage === "body" || (state.stage === "head" && state.isInHead)) fail(state, events, "it is cut off");
  if (state.stage === "untilClose") {
    events.push({ kind: "end", trailers: [] });
    state.methods.shift();
  }
  state.stage = "over";
  return events;
};

const fail = (state: State, events: ResponseEvent[], reason: string): number => {
  state.stage = "over";
  events.push({ kind: "error", reason });
  return 0;
};

const faults = { bad: "a control character or a line end that is not CRLF", long: "a long head" };
