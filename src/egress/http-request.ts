import { type Body, createBody } from "./http-body.ts";
import { connectionOptions, type Refusal } from "./http-fields.ts";
import { type Limits, type RequestHead, readHead } from "./http-head.ts";
import { createLineCollector, type LineCollector } from "./line-collector.ts";

export type { Refusal } from "./http-fields.ts";
export type { Limits, RequestHead } from "./http-head.ts";

export type RequestEvent =
  | { kind: "head"; head: RequestHead }
  /** Bytes to be forwarded as they are, a slice of what was pushed where that is possible. */
  | { kind: "body"; bytes: Uint8Array }
  /** The request is whole. Every request has exactly one head and one end. */
  | { kind: "end" }
  /** Nothing comes after this. */
  | ({ kind: "error" } & Refusal);

export type RequestReader = {
  /** What the next bytes of the client's stream amount to, in order. */
  push: (chunk: Uint8Array) => RequestEvent[];
  /**
   * True from the end of a CONNECT or of a request with `upgrade` on: what follows may be of another protocol, and only
   * the answer tells. Bytes that come meanwhile are kept, up to `headBytes`, so the client should be paused.
   */
  isHeld: () => boolean;
  /** The protocol stays HTTP: reads on, with what was kept. */
  resume: () => RequestEvent[];
  /** The protocol has changed: gives what was kept. The reader takes nothing more. */
  release: () => Uint8Array;
};

const defaults: Limits = { headBytes: 65_536, fields: 200, targetBytes: 16_384, trailerBytes: 8192 };

/**
 * Checks one client's stream of HTTP/1.x requests. It takes only what every server reads alike, so that the request
 * that is allowed here is the request that the server sees. It holds at most a head, or what comes after a CONNECT.
 */
export const createRequestReader = (given: Partial<Limits> = {}): RequestReader => {
  const limits = { ...defaults, ...given };
  const heads = createLineCollector("section", limits.headBytes);
  const state: State = { limits, heads, stage: "head", holds: false, kept: new Uint8Array(0) };
  const leave = (to: Stage): Uint8Array => {
    const { kept } = state;
    state.kept = new Uint8Array(0);
    if (state.stage === "held") state.stage = to;
    return kept;
  };
  return {
    push: (chunk) => read(state, chunk),
    isHeld: () => state.stage === "held",
    resume: () => read(state, leave("head")),
    release: () => leave("over"),
  };
};

type Stage = "head" | "body" | "held" | "over";
type State = {
  limits: Limits;
  heads: LineCollector;
  stage: Stage;
  /** Whether the stage after this request is `held`. */
  holds: boolean;
  /** Of the request that is being read. */
  body?: Body;
  kept: Uint8Array;
};

const read = (state: State, chunk: Uint8Array): RequestEvent[] => {
  const events: RequestEvent[] = [];
  let at = 0;
  while (at < chunk.length && (state.stage === "head" || state.stage === "body"))
    at = (state.stage === "head" ? takeHead : takeBody)(state, chunk, at, events);
  if (state.stage === "held" && at < chunk.length) keep(state, chunk.subarray(at), events);
  return events;
};

const takeHead = (state: State, chunk: Uint8Array, at: number, events: RequestEvent[]): number => {
  const { at: next, done, fault } = state.heads.take(chunk, at);
  if (fault) fail(state, events, faultOf(fault, state.heads.inFirstLine()));
  if (!done) return next;
  const head = readHead(done, state.limits);
  if ("status" in head) {
    fail(state, events, head);
    return next;
  }
  events.push({ kind: "head", head });
  state.holds = head.method === "CONNECT" || head.upgrade !== undefined;
  state.body = createBody(head, state.limits);
  state.stage = "body";
  // A body of no bytes ends here, without waiting for more.
  return takeBody(state, chunk, next, events);
};

const takeBody = (state: State, chunk: Uint8Array, at: number, events: RequestEvent[]): number => {
  const step = state.body!.take(chunk, at, (bytes) => addBody(events, bytes));
  if (step.refusal) {
    fail(state, events, step.refusal);
    return at;
  }
  if (step.whole) {
    events.push({ kind: "end" });
    state.stage = state.holds ? "held" : "head";
  }
  return step.at;
};

const keep = (state: State, bytes: Uint8Array, events: RequestEvent[]): void => {
  if (state.kept.length + bytes.length <= state.limits.headBytes) state.kept = Buffer.concat([state.kept, bytes]);
  else fail(state, events, { status: 413, reason: "too much before the answer" });
};

const fail = (state: State, events: RequestEvent[], refusal: Refusal): void => {
  state.stage = "over";
  state.kept = new Uint8Array(0);
  events.push({ kind: "error", ...refusal });
};

const faultOf = (fault: "bad" | "long", inFirstLine: boolean): Refusal => {
  if (fault === "bad") return { status: 400, reason: "a control character or a line end that is not CRLF" };
  return inFirstLine ? { status: 414, reason: "the target is too long" } : { status: 431, reason: "a long head" };
};

/** Adds to the last event what directly follows it in memory: many small chunks then cost one write. */
const addBody = (events: RequestEvent[], bytes: Uint8Array): void => {
  const last = events.at(-1);
  const follows =
    last?.kind === "body" &&
    last.bytes.buffer === bytes.buffer &&
    last.bytes.byteOffset + last.bytes.length === bytes.byteOffset;
  if (follows) last.bytes = new Uint8Array(bytes.buffer, last.bytes.byteOffset, last.bytes.length + bytes.length);
  else events.push({ kind: "body", bytes });
};

/**
 * The head as it goes to the server that the target names: origin form, Host from the target (RFC 9112, 3.2.2), without
 * what concerned only this connection, and asking for no second request on the next one. It asks for no upgrade either,
 * so the reader can be resumed at once.
 */
export const originForm = (head: RequestHead): Uint8Array => {
  const options = new Set(connectionOptions(head.headers));
  const stays = ([name]: [name: string, value: string]): boolean => {
    const lower = name.toLowerCase();
    return !hopByHop.has(lower) && !lower.startsWith("proxy-") && !options.has(lower);
  };
  const absolute = head.form === "absolute" ? /^http:\/\/([^/?]*)(.*)$/i.exec(head.target) : undefined;
  const host = absolute?.[1] ?? head.host;
  const lines = [
    `${head.method} ${absolute ? originTarget(head.method, absolute[2]!) : head.target} HTTP/${head.version}`,
    ...(host === undefined ? [] : [`Host: ${host}`]),
    ...head.headers.filter(stays).map(([name, value]) => `${name}: ${value}`),
    "Connection: close",
  ];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
};

/** RFC 9110, 7.6.1; Host is written anew. Transfer-Encoding stays, as the body is forwarded with its chunks. */
const hopByHop = new Set(["host", "connection", "keep-alive", "te", "upgrade", "http2-settings"]);

/** RFC 9112, 3.2.1 and 3.2.4: without a path it is the root, or the whole server when its options are asked for. */
const originTarget = (method: string, rest: string): string => {
  if (rest === "" && method === "OPTIONS") return "*";
  return rest.startsWith("/") ? rest : `/${rest}`;
};
