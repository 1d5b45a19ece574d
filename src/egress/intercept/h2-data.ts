import { type DataHead, type Piece, type Problem, usualFrameBytes, writeDataHead } from "./frames.ts";
import { abort, endAnswer, giveBack, isUsed, type Side, type State, type Stream, settle } from "./h2-state.ts";
import type { Outlet } from "./outlet.ts";

/** DATA of the client: passes as it is, on streams that went on. */
export const takeUpload = (state: State, piece: Piece): Problem => {
  const { client, server, streams } = state;
  if (piece.isFirst) {
    const { stream: id, dataBytes, isEnd } = piece.head;
    const stream = streams.get(id);
    const isWelcome = stream !== undefined && fits(stream, piece.head);
    const problem = openFrame(state, client, piece.head, isWelcome ? "pass" : "drop");
    if (problem !== undefined) return problem;
    if (isWelcome) {
      if (stream.bodyLeft !== undefined) stream.bodyLeft -= dataBytes;
      stream.requestEnded = isEnd;
      settle(state, id);
    }
  }
  if (client.course === "pass") server.outlet.pass(piece.raw, piece.isLast);
  return undefined;
};

/** A server behind the server may take what is beyond the length that a request names for another request. */
const fits = ({ requestEnded, bodyLeft }: Stream, { dataBytes, isEnd }: DataHead): boolean =>
  !requestEnded && (bodyLeft === undefined || (isEnd ? dataBytes === bodyLeft : dataBytes <= bodyLeft));

/** DATA of the server: passes as it is, or through the scrubber of its stream. */
export const takeDownload = (state: State, piece: Piece): Problem => {
  const { client, server, streams } = state;
  if (piece.isFirst) {
    const { stream: id, isEnd } = piece.head;
    const stream = streams.get(id);
    const isWelcome = stream?.answered && !stream.answerEnded;
    const course = !isWelcome ? "drop" : stream.scrubber ? "scrub" : "pass";
    const problem = openFrame(state, server, piece.head, course);
    if (problem !== undefined) return problem;
    if (course === "pass" && isEnd) endAnswer(state, id);
  }
  if (server.course === "pass") client.outlet.pass(piece.raw, piece.isLast);
  if (server.course === "scrub") scrub(state, piece);
  return undefined;
};

/** What is dropped was counted by its sender, and only by that. */
const openFrame = (state: State, sender: Side, head: DataHead, course: Side["course"]): Problem => {
  if (!isUsed(state, head.stream)) return "data on a stream that was never opened";
  if (head.dataBytes > 0) state.noise = 0;
  else if (!head.isEnd) state.noise += 1;
  sender.course = course;
  if (course !== "drop") return undefined;
  giveBack(sender, head.frameBytes);
  // A client that was refused may wait with its answer until all of its request is sent.
  if (sender === state.client && !head.isEnd) giveBack(sender, head.frameBytes, head.stream);
  if (state.streams.has(head.stream)) abort(state, head.stream);
  return undefined;
};

const scrub = (state: State, { head, data, isLast }: Piece): void => {
  const { client, server, streams } = state;
  const stream = streams.get(head.stream);
  const isEnd = isLast && head.isEnd;
  if (stream?.scrubber) {
    const pushed = data.length > 0 ? stream.scrubber.push(data) : data;
    const given = isEnd ? Buffer.concat([pushed, stream.scrubber.flush()]) : pushed;
    stream.held += data.length - given.length;
    if (given.length > 0 || isEnd) passData(client.outlet, head.stream, given, isEnd);
  }
  // The stream was reset in the middle of the frame.
  else giveBack(server, data.length);
  if (!isLast) return;
  const paddingBytes = head.frameBytes - head.dataBytes;
  giveBack(server, paddingBytes);
  if (stream && !isEnd) giveBack(server, paddingBytes, head.stream);
  if (stream && isEnd) endAnswer(state, head.stream);
};

/** Data in as many frames as it takes, without another copy of it. */
export const passData = (outlet: Outlet, id: number, data: Uint8Array, isEnd: boolean): void => {
  for (let at = 0; at === 0 || at < data.length; at += usualFrameBytes) {
    const part = data.subarray(at, at + usualFrameBytes);
    outlet.pass(writeDataHead(id, part.length, isEnd && at + part.length === data.length), false);
    outlet.pass(part, true);
  }
};
