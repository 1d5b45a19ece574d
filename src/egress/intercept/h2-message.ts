import type { FieldBlock } from "./field-block.ts";
import { flag, frameType, type Problem, writeBlock, writeFrame } from "./frames.ts";
import { passData } from "./h2-data.ts";
import { fieldsOf, problemOfTrailers, readAnswer, readRequest } from "./h2-head.ts";
import { mostStreams } from "./h2-settings.ts";
import { abort, endAnswer, isUsed, type Side, type State, type Stream, settle } from "./h2-state.ts";
import type { Field } from "./head.ts";
import type { Decoded } from "./hpack.ts";

/** A block with its fields as they came. */
export type Message = FieldBlock & Decoded;

/** From the client: a request, or the trailers of one. */
export const takeRequest = (state: State, message: Message): Problem => {
  const { stream: id, isEnd, fields } = message;
  const known = state.streams.get(id);
  if (known) return takeTrailers(state, message, known);
  // Trailers of a request that was refused or reset in the meantime.
  if (isUsed(state, id)) return undefined;
  if (id % 2 === 0) return "a request on a stream that is not the client's";
  if (state.streams.size === mostStreams) return "too many requests at a time";
  state.lastStream = id;
  state.noise = 0;
  const request = readRequest(fields, isEnd);
  if (typeof request === "string") return refuse(state, message, { status: 400, sentence: request });
  const { head, contentLength } = request;
  const verdict = state.options.judge(head);
  if (!verdict.ok) return refuse(state, message, verdict);
  state.streams.set(id, {
    ...{ bodyLeft: contentLength, requestEnded: isEnd, answered: false, answerEnded: false },
    ...{ scrubber: undefined, held: 0 },
  });
  return pass(state.server, message, fieldsOf(head, verdict.fields));
};

const takeTrailers = (state: State, message: Message, stream: Stream): Problem => {
  const { stream: id, isEnd, fields } = message;
  const isShort = stream.bodyLeft !== undefined && stream.bodyLeft > 0;
  if (stream.requestEnded || !isEnd || isShort || problemOfTrailers(fields) !== undefined) return abort(state, id);
  stream.requestEnded = true;
  settle(state, id);
  return pass(state.server, message, fields);
};

/** From the server: the head of an answer, of one that is only preliminary, or trailers. */
export const takeAnswer = (state: State, message: Message): Problem => {
  const { stream: id, isEnd } = message;
  if (!isUsed(state, id)) return "an answer to no request";
  const stream = state.streams.get(id);
  // It was reset while this was on the way.
  if (!stream) return undefined;
  state.noise = 0;
  const answer = readAnswer(message.fields);
  if (!answer || !isInOrder(stream, answer.status, isEnd)) return abort(state, id);
  const { status, fields } = answer;
  const { clean, createScrubber } = state.options;
  if (status === undefined && stream.scrubber) {
    const rest = stream.scrubber.flush();
    stream.held -= rest.length;
    if (rest.length > 0) passData(state.client.outlet, id, rest, false);
  }
  const head: Field[] = status === undefined ? [] : [[":status", String(status)]];
  const cleaned = clean(status ?? 0, fields);
  if (!cleaned) return abort(state, id);
  pass(state.client, message, [...head, ...cleaned]);
  if (status !== undefined && status >= 200) {
    stream.answered = true;
    if (!isEnd) stream.scrubber = createScrubber();
  }
  if (isEnd) endAnswer(state, id);
  return undefined;
};

/** RFC 9113, 8.1: any number of preliminary heads, one head, perhaps trailers. */
const isInOrder = ({ answered, answerEnded }: Stream, status: number | undefined, isEnd: boolean): boolean => {
  if (status === undefined) return answered && !answerEnded && isEnd;
  return !answered && (status >= 200 || !isEnd);
};

const pass = (to: Side, { stream, isEnd, never }: Message, fields: readonly Field[]): undefined => {
  to.outlet.pass(writeBlock(stream, to.encode(fields, never), isEnd), true);
};

/** More than a few answers at a time get no body: the client's credit for them would be used twice. */
const mostOwed = 4096;

type Refusal = { status: number; sentence: string };

/**
 * The gateway's own answer. What the client still sends is dropped: a reset would tell it to stop, but curl 7.88 then
 * loses the answer too.
 */
const refuse = (state: State, message: Message, { status, sentence }: Refusal): undefined => {
  const { stream: id, fields } = message;
  const { outlet, encode } = state.client;
  const body = Buffer.from(`cordon: ${sentence}\n`);
  const isHead = fields.some(([name, value]) => name === ":method" && value === "HEAD");
  const hasBody = !isHead && body.length <= state.initialWindow && state.owed + body.length <= mostOwed;
  const head: Field[] = [
    [":status", String(status)],
    ["content-type", "text/plain"],
    ["x-cordon", "refused"],
  ];
  if (hasBody || isHead) head.push(["content-length", String(body.length)]);
  outlet.insert(writeBlock(id, encode(head), !hasBody));
  if (hasBody) {
    outlet.insert(writeFrame(frameType.data, flag.endStream, id, body));
    state.owed += body.length;
  }
};
