import type { Clean, Field } from "./head.ts";
import {
  chunkOf,
  createResponseReader,
  lastChunk,
  type ResponseEvent,
  type ResponseHead,
  type ResponseReader,
  writeResponseHead,
} from "./response.ts";
import type { Scrubber } from "./scrub.ts";

/** What a server says on one connection, read and written anew. */
export type ResponseFilter = Pick<ResponseReader, "expect" | "outstanding"> & {
  /** The bytes for the client; undefined when both connections have to be cut off. */
  push(chunk: Uint8Array): Uint8Array | undefined;
  /** The same for the end of the stream. */
  finish(): Uint8Array | undefined;
  /** `switched` after status 101: the bytes are no longer HTTP, and no more than scrubbed. */
  state(): "http" | "switched";
  /** Why the connection has to be cut off. */
  fault(): string | undefined;
};

export type FilterOptions = {
  /** Also told of trailers, and of heads with a status below 200. It must leave alone what frames the body. */
  clean: Clean;
  /** For one answer, its head with it; undefined when nothing is looked for. */
  createScrubber: () => Scrubber | undefined;
};

const nothing = new Uint8Array(0);

/** Lets one server's answers through with cleaned fields and without secrets, each as long and framed as it was. */
export const createResponseFilter = ({ clean, createScrubber }: FilterOptions): ResponseFilter => {
  const reader = createResponseReader();
  let head: ResponseHead | undefined;
  let scrubber: Scrubber | undefined;
  let fault: string | undefined;

  const pass = (status: number, fields: Field[]): Field[] => {
    const cleaned = clean(status, fields);
    if (!cleaned) fault = "it may not be passed on";
    return cleaned ?? [];
  };
  const start = (next: ResponseHead): Uint8Array => {
    head = next;
    scrubber = createScrubber();
    return scrubWhole(scrubber, writeResponseHead(head, pass(head.status, head.fields)));
  };
  /** What comes of the content at once is scrubbed at once, and becomes one chunk if it has to be one. */
  const frame = (content: Uint8Array[], isWhole: boolean): Uint8Array[] => {
    const scrubbed = scrubber ? [scrubber.push(joined(content)), ...(isWhole ? [scrubber.flush()] : [])] : content;
    return head?.bodyKind === "chunked" ? chunkOf(scrubbed) : scrubbed;
  };
  const end = (trailers: Field[]): Uint8Array =>
    head!.bodyKind === "chunked"
      ? scrubWhole(scrubber, lastChunk(trailers.length === 0 ? [] : pass(head!.status, trailers)))
      : nothing;

  const write = (events: readonly ResponseEvent[]): Uint8Array | undefined => {
    const parts: Uint8Array[][] = [];
    let content: Uint8Array[] = [];
    for (const event of events) {
      if (event.kind === "head") parts.push([start(event.head)]);
      else if (event.kind === "body") content.push(event.bytes);
      else if (event.kind === "error") fault = event.reason;
      else {
        parts.push(frame(content, true), [end(event.trailers)]);
        content = [];
      }
    }
    parts.push(frame(content, false));
    return fault === undefined ? joined(parts.flat()) : undefined;
  };

  return {
    ...{ expect: reader.expect, outstanding: reader.outstanding },
    push: (chunk) => write(reader.push(chunk)),
    finish: () => write(reader.finish()),
    state: () => (head?.status === 101 ? "switched" : "http"),
    fault: () => fault,
  };
};

const scrubWhole = (scrubber: Scrubber | undefined, bytes: Uint8Array): Uint8Array =>
  scrubber ? Buffer.concat([scrubber.push(bytes), scrubber.flush()]) : bytes;

const joined = (parts: readonly Uint8Array[]): Uint8Array => {
  const full = parts.filter(({ length }) => length > 0);
  return full.length > 1 ? Buffer.concat(full) : (full[0] ?? nothing);
};
