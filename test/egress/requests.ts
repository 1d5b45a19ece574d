import { createRequestReader, type RequestEvent, type RequestHead } from "../../src/egress/http-request.ts";

/** Requests as text, one character a byte, and what the reader makes of them. */

export const latin1 = (text: string): Uint8Array => Buffer.from(text, "latin1");
export const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");

/** Events with bodies as text, those of one request put together, as how they are cut does not matter. */
export const seen = (events: RequestEvent[]) => {
  const list: { kind: string; [key: string]: unknown }[] = [];
  for (const event of events) {
    const last = list.at(-1);
    if (event.kind === "body" && last?.kind === "body") last["text"] += textOf(event.bytes);
    else if (event.kind === "body") list.push({ kind: "body", text: textOf(event.bytes) });
    else if (event.kind === "head") list.push({ kind: "head", ...event.head, raw: textOf(event.head.raw) });
    else list.push(event);
  }
  return list;
};
export const readAll = (text: string) => seen(createRequestReader().push(latin1(text)));
export const kinds = (text: string) => readAll(text).map(({ kind }) => kind);
export const headOf = (text: string): RequestHead => {
  const [event] = createRequestReader().push(latin1(text));
  if (event?.kind !== "head") throw new Error(JSON.stringify(event));
  return event.head;
};
export const post = (fields: string, body = "") => `POST / HTTP/1.1\r\nHost: a.example\r\n${fields}\r\n${body}`;
export const get = (fields = "") => `GET / HTTP/1.1\r\nHost: a.example\r\n${fields}\r\n`;

export const chunked = (body: string) => post("Transfer-Encoding: chunked\r\n", body);
