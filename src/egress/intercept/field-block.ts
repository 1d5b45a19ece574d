import { type Frame, flag, frameType, mostBlockBytes } from "./frames.ts";

/** The fields of one message, still compressed. */
export type FieldBlock = { stream: number; isEnd: boolean; bytes: Uint8Array };

/** Puts the blocks of one direction together from HEADERS and CONTINUATION. */
export type BlockReader = {
  /** A whole block, a problem, or undefined while more has to come. */
  push(frame: Frame): FieldBlock | string | undefined;
  /** Nothing but its next frame may come now (RFC 9113, 6.10). */
  isWithin(): boolean;
};

/** An honest sender fills its frames: 64 KiB are four. */
const mostFrames = 32;

export const createBlockReader = (): BlockReader => {
  let open: { stream: number; isEnd: boolean; parts: Uint8Array[]; bytes: number } | undefined;

  const push = (frame: Frame): FieldBlock | string | undefined => {
    const isNext = frame.type === frameType.continuation;
    if (isNext !== (open !== undefined) || (open && open.stream !== frame.stream))
      return "a field block is interrupted";
    const part = isNext ? frame.payload : fragmentOf(frame);
    if (!part) return "a field block cannot be read";
    open ??= { stream: frame.stream, isEnd: (frame.flags & flag.endStream) !== 0, parts: [], bytes: 0 };
    open.parts.push(part);
    open.bytes += part.length;
    if (open.bytes > mostBlockBytes || open.parts.length > mostFrames) return "a field block is too large";
    if ((frame.flags & flag.endHeaders) === 0) return undefined;
    const { stream, isEnd, parts } = open;
    open = undefined;
    return { stream, isEnd, bytes: parts.length === 1 ? part : Buffer.concat(parts) };
  };
  return { push, isWithin: () => open !== undefined };
};

const priorityBytes = 5;

/** Without the padding and what was once a priority (RFC 9113, 6.2). */
const fragmentOf = ({ flags, payload }: Frame): Uint8Array | undefined => {
  const isPadded = (flags & flag.padded) !== 0;
  const start = (isPadded ? 1 : 0) + (flags & flag.priority ? priorityBytes : 0);
  const end = payload.length - (isPadded ? (payload[0] ?? 0) : 0);
  return start <= end ? payload.subarray(start, end) : undefined;
};
