import { type Frame, flag, frameType, type Piece, type Problem, writeFrame, writeWindowUpdate } from "./frames.ts";
import type { RelayOptions } from "./h1.ts";
import { takeDownload, takeUpload } from "./h2-data.ts";
import { takeAnswer, takeRequest } from "./h2-message.ts";
import { limitSettings } from "./h2-settings.ts";
import { createState, forget, isUsed, type Side, type State } from "./h2-state.ts";
import type { Passed, Relay } from "./head.ts";

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
/** Requests that are taken back before they are answered, beyond those that are answered. */
const mostResets = 1000;
/** In a row: a client that asks every ten seconds whether anybody is there may do so for a day. */
const mostNoise = 10_000;
/** The gateway's own frames that wait for the end of a larger one. */
const mostWaitingBytes = 2 ** 20;
/** What comes of one chunk: field blocks are sent on at full length, and may have been compressed very well. */
const mostReadyBytes = 2 ** 23;

/**
 * HTTP/2 (RFC 9113) from one connection to one other, streams under the same numbers: heads are read and written anew,
 * DATA goes through as it is or through a scrubber, and every credit that one side gives reaches the other, so that the
 * relay keeps no data.
 */
export const createH2Relay = (options: RelayOptions): Relay => {
  const state = createState(options);
  const { client, server } = state;
  let prefaceLeft = preface;
  let problem: Problem;

  const hear = (from: Side, to: Side, chunk: Uint8Array): Passed => {
    problem ??= from.read(chunk, (event) => take(state, from, event) ?? problemOf(state));
    if (problem !== undefined) return { problem };
    return { forward: to.outlet.take(), back: from.outlet.take() };
  };
  const takePreface = (chunk: Uint8Array): Uint8Array => {
    const said = chunk.subarray(0, prefaceLeft.length);
    if (!prefaceLeft.subarray(0, said.length).equals(said)) problem ??= "it does not begin like HTTP/2";
    prefaceLeft = prefaceLeft.subarray(said.length);
    server.outlet.pass(said, false);
    return chunk.subarray(said.length);
  };

  return {
    up: (chunk) => hear(client, server, prefaceLeft.length > 0 ? takePreface(chunk) : chunk),
    down: (chunk) => hear(server, client, chunk),
    finish: () => ([...state.streams.values()].some(({ answerEnded }) => !answerEnded) ? undefined : new Uint8Array()),
  };
};

const problemOf = ({ client, server, resets, noise }: State): Problem => {
  if (resets > mostResets) return "too many requests are taken back";
  if (noise > mostNoise) return "too many frames that say nothing";
  if (client.outlet.waiting() + server.outlet.waiting() > mostWaitingBytes)
    return "too many answers wait for one frame";
  if (client.outlet.ready() + server.outlet.ready() > mostReadyBytes) return "too much comes of a few bytes";
  return undefined;
};

const take = (state: State, from: Side, event: Frame | Piece): Problem => {
  const type = event.kind === "piece" ? frameType.data : event.type;
  if (!from.isSettled && type !== frameType.settings) return "its first frame is not its settings";
  if (from.blocks.isWithin() && type !== frameType.continuation) return "a field block is interrupted";
  if (event.kind === "piece") return (from === state.client ? takeUpload : takeDownload)(state, event);
  const taker = takers[type];
  // Priorities, other places for the same answers, and what is not known here are dropped: nobody depends on them.
  if (!taker) state.noise += 1;
  return taker?.(state, from, event);
};

type Taker = (state: State, from: Side, frame: Frame) => Problem;

const otherOf = ({ client, server }: State, side: Side): Side => (side === client ? server : client);

const passFrame = (to: Side, type: number, flags: number, stream: number, payload: Uint8Array): undefined => {
  to.outlet.pass(writeFrame(type, flags, stream, payload), true);
};

const takeBlock: Taker = (state, from, frame) => {
  const block = from.blocks.push(frame);
  if (block === undefined || typeof block === "string") return block;
  const decoded = from.decode(block.bytes);
  if (!decoded) return "a field block cannot be read";
  return (from === state.client ? takeRequest : takeAnswer)(state, { ...block, ...decoded });
};

const takeReset: Taker = (state, from, { type, stream, payload }) => {
  if (payload.length !== 4 || !isUsed(state, stream)) return "a reset cannot be read";
  if (!state.streams.has(stream)) return undefined;
  if (from === state.client) state.resets += 1;
  forget(state, stream);
  return passFrame(otherOf(state, from), type, 0, stream, payload);
};

const takeSettings: Taker = (state, from, { type, flags, stream, payload }) => {
  const isAck = (flags & flag.ack) !== 0;
  const isClient = from === state.client;
  const limited = limitSettings(payload, isClient, !from.isSettled);
  if (!limited || stream !== 0 || (isAck && (payload.length > 0 || !from.isSettled))) return "settings cannot be read";
  from.isSettled = true;
  state.noise += 1;
  if (isClient) state.initialWindow = limited.initialWindow ?? state.initialWindow;
  return passFrame(otherOf(state, from), type, flags & flag.ack, 0, limited.payload);
};

const takePing: Taker = (state, from, { type, flags, stream, payload }) => {
  if (payload.length !== 8 || stream !== 0) return "a ping cannot be read";
  state.noise += 1;
  return passFrame(otherOf(state, from), type, flags & flag.ack, 0, payload);
};

/** Without the text for a log: a server may repeat in it what it was sent. */
const takeGoAway: Taker = (state, from, { type, stream, payload }) => {
  if (payload.length < 8 || stream !== 0) return "a goodbye cannot be read";
  return passFrame(otherOf(state, from), type, 0, 0, payload.subarray(0, 8));
};

const takeCredit: Taker = (state, from, { type, stream, payload }) => {
  if (payload.length !== 4) return "a credit cannot be read";
  const to = otherOf(state, from);
  if (stream !== 0) {
    if (!isUsed(state, stream)) return "credit for a stream that was never opened";
    return state.streams.has(stream) ? passFrame(to, type, 0, stream, payload) : undefined;
  }
  const bytes = Buffer.from(payload).readUInt32BE() & 0x7fffffff;
  const repaid = from === state.client ? Math.min(state.owed, bytes) : 0;
  state.owed -= repaid;
  if (bytes > repaid || bytes === 0) to.outlet.pass(writeWindowUpdate(0, bytes - repaid), true);
  return undefined;
};

const takers: Record<number, Taker> = {
  [frameType.headers]: takeBlock,
  [frameType.continuation]: takeBlock,
  [frameType.rstStream]: takeReset,
  [frameType.settings]: takeSettings,
  [frameType.pushPromise]: () => "a push was not asked for",
  [frameType.ping]: takePing,
  [frameType.goAway]: takeGoAway,
  [frameType.windowUpdate]: takeCredit,
};
