import type { Field } from "../http-fields.ts";

export type { Field } from "../http-fields.ts";

/** What a request asks for, whatever version of HTTP carries it. */
export type Head = {
  method: string;
  /** Origin form: path and query; `*` with OPTIONS. */
  target: string;
  /** The Host field or `:authority`. */
  authority: string | undefined;
  /** Without Host and pseudo fields. */
  fields: Field[];
};

/** Whether a request goes on, with which fields; or the answer that the gateway gives instead. */
export type Verdict = { ok: true; fields: Field[] } | { ok: false; status: number; sentence: string };

/** Judges each request of one connection; may throw nothing. */
export type Judge = (head: Head) => Verdict;

/** Told of each answer; gives its fields as they go on, or undefined for one that may not be passed on. */
export type Clean = (status: number, fields: Field[]) => Field[] | undefined;

/**
 * What becomes of a chunk: bytes for the other side, bytes for the side that it came from, and whether the connection
 * ends behind them. Or why both sides are cut off.
 */
export type Passed = { forward: Uint8Array; back: Uint8Array; ends?: boolean } | { problem: string };

/** Both directions of one connection, in one version of HTTP. */
export type Relay = {
  up(chunk: Uint8Array): Passed;
  down(chunk: Uint8Array): Passed;
  /** What the client still gets when the server has said its last; undefined when an answer is cut short. */
  finish(): Uint8Array | undefined;
};
