/** The types of frames (RFC 9113, 6) that are looked at. */
export const frameType = {
  ...{ data: 0, headers: 1, rstStream: 3, settings: 4, pushPromise: 5 },
  ...{ ping: 6, goAway: 7, windowUpdate: 8, continuation: 9 },
} as const;
/** One bit means different things on different types. */
export const flag = { ack: 0x1, endStream: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;
/** The error code for a peer that does not keep to the protocol (RFC 9113, 7). */
export const protocolError = 1;

/** What every reader takes before it has said more (RFC 9113, 6.5.2). */
export const usualFrameBytes = 16_384;
/** The largest frames that two sides may agree upon through the relay. */
export const mostFrameBytes = 2 ** 20;
/** The largest field block, and with it the largest frame that is collected. */
export const mostBlockBytes = 65_536;

/** A whole frame of a known type other than DATA; of an unknown type without its payload. */
export type Frame = { kind: "frame"; type: number; flags: number; stream: number; payload: Uint8Array };

/** What the relay wants to know of a DATA frame before its bytes are there. */
export type DataHead = {
  stream: number;
  isEnd: boolean;
  /** Of the whole payload: what flow control counts. */
  frameBytes: number;
  /** Without the padding and its length. */
  dataBytes: number;
};

/** Some of a DATA frame. The first piece is its head alone. */
export type Piece = {
  kind: "piece";
  head: DataHead;
  isFirst: boolean;
  isLast: boolean;
  /** As it came, and what of it is data: slices of the chunk where that can be. */
  raw: Uint8Array;
  data: Uint8Array;
};

/** Why a connection cannot go on; undefined while it can. */
export type Problem = string | undefined;
type Handler = (event: Frame | Piece) => Problem;

/** Reads one direction of a connection, cut anywhere. Stops at the first problem, its own or the handler's. */
export type FrameReader = (chunk: Uint8Array, handle: Handler) => Problem;

const headBytes = 9;
const nothing = new Uint8Array(0);

/** Takes the payload of one frame, piece by piece. */
type Body = { left: number; take: (bytes: Uint8Array, handle: Handler) => Problem };

/** DATA goes by in pieces, without a copy; other known frames are collected; unknown ones are skipped as they come. */
export const createFrameReader = (): FrameReader => {
  /** With the length of the padding, where a DATA frame has that. */
  const head = Buffer.alloc(headBytes + 1);
  let size = 0;
  let body: Body | undefined;

  return (chunk, handle) => {
    for (let at = 0; at < chunk.length; ) {
      if (body) {
        const bytes = chunk.subarray(at, at + body.left);
        at += bytes.length;
        body.left -= bytes.length;
        const problem = body.take(bytes, handle);
        if (problem !== undefined) return problem;
      } else {
        head[size] = chunk[at]!;
        size += 1;
        at += 1;
        if (size < headBytes || (size === headBytes && isPaddedData(head))) continue;
        // Where it can be a slice, it makes one stretch with the data behind it.
        const raw = size <= at ? chunk.subarray(at - size, at) : Uint8Array.from(head.subarray(0, size));
        const opened = openBody(head, raw, handle);
        if (typeof opened === "string") return opened;
        body = opened;
        size = 0;
      }
      if (body.left === 0) body = undefined;
    }
    return undefined;
  };
};

const isPaddedData = (head: Buffer): boolean => head[3] === frameType.data && (head[4]! & flag.padded) !== 0;

const openBody = (head: Buffer, raw: Uint8Array, handle: Handler): Body | string => {
  const length = head.readUIntBE(0, 3);
  const type = head[3]!;
  const flags = head[4]!;
  const stream = head.readUInt32BE(5) & 0x7fffffff;
  if (length > (type === frameType.data ? mostFrameBytes : mostBlockBytes) && type <= frameType.continuation)
    return "a frame is too large";
  if (type === frameType.data) {
    // The length of the padding has been read with the head.
    const paddingBytes = isPaddedData(head) ? head[headBytes]! + 1 : 0;
    if (paddingBytes > length) return "a frame is shorter than its padding";
    const isEnd = (flags & flag.endStream) !== 0;
    return openData({ stream, isEnd, frameBytes: length, dataBytes: length - paddingBytes }, raw, handle);
  }
  if (type > frameType.continuation) {
    return handle({ kind: "frame", type, flags, stream, payload: nothing }) ?? { left: length, take: () => undefined };
  }
  const collected = openCollected(length, (payload, handle) => handle({ kind: "frame", type, flags, stream, payload }));
  return length > 0 ? collected : (collected.take(nothing, handle) ?? collected);
};

const openData = (head: DataHead, raw: Uint8Array, handle: Handler): Body | string => {
  let dataLeft = head.dataBytes;
  const body: Body = {
    left: head.frameBytes - (raw.length - headBytes),
    take: (bytes, handle) => {
      const data = bytes.subarray(0, dataLeft);
      dataLeft -= data.length;
      return handle({ kind: "piece", head, isFirst: false, isLast: body.left === 0, raw: bytes, data });
    },
  };
  return handle({ kind: "piece", head, isFirst: true, isLast: body.left === 0, raw, data: nothing }) ?? body;
};

const openCollected = (length: number, finish: (payload: Uint8Array, handle: Handler) => Problem): Body => {
  let payload: Uint8Array | undefined;
  const body: Body = {
    left: length,
    take: (bytes, handle) => {
      if (bytes.length === length) return finish(bytes, handle);
      payload ??= new Uint8Array(length);
      payload.set(bytes, length - body.left - bytes.length);
      return body.left === 0 ? finish(payload, handle) : undefined;
    },
  };
  return body;
};

/** One frame as it stands on the wire. The payload is at most 16 KiB, which every reader takes. */
export const writeFrame = (type: number, flags: number, stream: number, payload: Uint8Array): Buffer =>
  Buffer.concat([writeHead(payload.length, type, flags, stream), payload]);

const writeHead = (length: number, type: number, flags: number, stream: number): Buffer => {
  const head = Buffer.allocUnsafe(headBytes);
  head.writeUIntBE(length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return head;
};

/** A field block of any size: HEADERS and, where it is larger than one frame, CONTINUATION. */
export const writeBlock = (stream: number, block: Uint8Array, isEnd: boolean): Buffer => {
  const frames: Buffer[] = [];
  for (let at = 0; at === 0 || at < block.length; at += usualFrameBytes) {
    const part = block.subarray(at, at + usualFrameBytes);
    const flags = at + part.length === block.length ? flag.endHeaders : 0;
    if (at === 0) frames.push(writeFrame(frameType.headers, flags | (isEnd ? flag.endStream : 0), stream, part));
    else frames.push(writeFrame(frameType.continuation, flags, stream, part));
  }
  return Buffer.concat(frames);
};

/** The head of a DATA frame without padding. */
export const writeDataHead = (stream: number, length: number, isEnd: boolean): Buffer =>
  writeHead(length, frameType.data, isEnd ? flag.endStream : 0, stream);

export const writeRstStream = (stream: number, code: number): Buffer =>
  writeFrame(frameType.rstStream, 0, stream, numberOf(code));

/** Gives credit for `bytes` of DATA, at least one: on one stream, or on the connection with stream 0. */
export const writeWindowUpdate = (stream: number, bytes: number): Buffer =>
  writeFrame(frameType.windowUpdate, 0, stream, numberOf(bytes));

const numberOf = (value: number): Buffer => {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
