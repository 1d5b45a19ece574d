import { createResponseReader, type ResponseEvent } from "../../../src/egress/intercept/response.ts";
import { latin1, textOf } from "../requests.ts";

/** Answers as text, one character a byte, and what the reader makes of them. */

/** Events with bodies as text, those of one answer put together, as how they are cut does not matter. */
export const seen = (events: readonly ResponseEvent[]) => {
  const list: { kind: string; [key: string]: unknown }[] = [];
  for (const event of events) {
    const last = list.at(-1);
    if (event.kind === "body" && last?.kind === "body") last["text"] += textOf(event.bytes);
    else if (event.kind === "body") list.push({ kind: "body", text: textOf(event.bytes) });
    else list.push(event);
  }
  return list;
};

/** What `pieces` amount to as answers to requests with these methods; with the end of the stream. */
export const readAnswers = (methods: readonly string[], pieces: readonly Uint8Array[]) => {
  const reader = createResponseReader();
  for (const method of methods) reader.expect(method);
  return seen([...pieces.flatMap((piece) => reader.push(piece)), ...reader.finish()]);
};

export const readText = (text: string, ...methods: string[]) =>
  readAnswers(methods.length === 0 ? ["GET"] : methods, [latin1(text)]);

export const ok = (fields: string, body = "") => `HTTP/1.1 200 OK\r\n${fields}\r\n${body}`;
export const sized = (body: string, fields = "") => ok(`${fields}Content-Length: ${body.length}\r\n`, body);
export const chunked = (body: string) => ok("Transfer-Encoding: chunked\r\n", body);
