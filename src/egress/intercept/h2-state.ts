import { type BlockReader, createBlockReader } from "./field-block.ts";
import { createFrameReader, type FrameReader, protocolError, writeRstStream, writeWindowUpdate } from "./frames.ts";
import type { RelayOptions } from "./h1.ts";
import { createDecoder, createEncoder, type Decoder, type Encoder } from "./hpack.ts";
import { createOutlet, type Outlet } from "./outlet.ts";
import type { Scrubber } from "./scrub.ts";

/** One end of the connection: how it is heard, and how it is spoken to. */
export type Side = {
  read: FrameReader;
  blocks: BlockReader;
  decode: Decoder;
  /** Whether its first frame, the SETTINGS, was heard. */
  isSettled: boolean;
  /** What is done with the DATA frame that it is sending. */
  course: "pass" | "scrub" | "drop";
  outlet: Outlet;
  encode: Encoder;
};

/** A request that went on and its answer. */
export type Stream = {
  /** Bytes of the body that are still to come, where the request says so. */
  bodyLeft: number | undefined;
  requestEnded: boolean;
  /** The answer's final head has come. */
  answered: boolean;
  answerEnded: boolean;
  scrubber: Scrubber | undefined;
  /** Bytes that the server has sent and the scrubber holds. */
  held: number;
};

export type State = {
  options: RelayOptions;
  client: Side;
  server: Side;
  /** Those that both sides know and that are not at their end. */
  streams: Map<number, Stream>;
  /** The highest number that the client has used. */
  lastStream: number;
  /** What the client takes on a new stream before it gives more credit. */
  initialWindow: number;
  /** Bytes of the gateway's own answers: the client will give credit for them, which is not the server's. */
  owed: number;
  /** Requests that were taken back, less those that were answered. */
  resets: number;
  /** Frames without effect since the last with one. */
  noise: number;
};

const createSide = (): Side => ({
  ...{ read: createFrameReader(), blocks: createBlockReader(), decode: createDecoder(), encode: createEncoder() },
  ...{ outlet: createOutlet(), isSettled: false, course: "drop" },
});

/** RFC 9113, 6.9.2. */
const usualWindow = 65_535;

export const createState = (options: RelayOptions): State => ({
  ...{ options, client: createSide(), server: createSide(), streams: new Map() },
  ...{ lastStream: 0, initialWindow: usualWindow, owed: 0, resets: 0, noise: 0 },
});

/** A number that a client gives, and has given: what is not open any more may still be spoken of on the way. */
export const isUsed = (state: State, id: number): boolean => id % 2 === 1 && id <= state.lastStream;

/** Gives a sender credit for DATA that the other side will never see: on the connection, or on one stream. */
export const giveBack = ({ outlet }: Side, bytes: number, id = 0): void => {
  if (bytes > 0) outlet.insert(writeWindowUpdate(id, bytes));
};

/** Drops a stream from the books when both directions have ended. */
export const settle = (state: State, id: number): void => {
  const stream = state.streams.get(id);
  if (stream?.requestEnded && stream.answerEnded) state.streams.delete(id);
};

export const endAnswer = (state: State, id: number): void => {
  const stream = state.streams.get(id)!;
  stream.answerEnded = true;
  state.resets = Math.max(0, state.resets - 1);
  settle(state, id);
};

/** Of a stream that one of the sides has reset. */
export const forget = (state: State, id: number): void => {
  giveBack(state.server, state.streams.get(id)?.held ?? 0);
  state.streams.delete(id);
};

/** Ends a stream on which something came that may not. The others go on. */
export const abort = (state: State, id: number): undefined => {
  for (const { outlet } of [state.client, state.server]) outlet.insert(writeRstStream(id, protocolError));
  forget(state, id);
};
