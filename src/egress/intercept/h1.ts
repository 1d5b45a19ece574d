import { refusalOf } from "../answer.ts";
import { createRequestReader, type RequestEvent, type RequestHead } from "../http-request.ts";
import type { Clean, Field, Judge, Passed, Relay, Verdict } from "./head.ts";
import { createResponseFilter } from "./response-filter.ts";
import type { Scrubber } from "./scrub.ts";

export type RelayOptions = {
  judge: Judge;
  clean: Clean;
  /** For the body of one answer; undefined when nothing is looked for. */
  createScrubber: () => Scrubber | undefined;
};

const nothing = new Uint8Array();

/** HTTP/1.1: each request is judged and written anew, each answer is read as the answer to its request. */
export const createH1Relay = ({ judge, ...answering }: RelayOptions): Relay => {
  const responses = createResponseFilter(answering);
  const requests = createRequests(judge, responses.expect);
  let isSwitched = false;

  const isIdle = (): boolean => responses.outstanding() === 0;
  /** What the gateway says itself comes behind all answers that are still due. */
  const withRefusal = (before: Uint8Array): { bytes: Uint8Array; ends: boolean } => {
    const refusal = isIdle() ? requests.refusal() : undefined;
    return { bytes: refusal ? joined([before, refusal]) : before, ends: refusal !== undefined };
  };

  return {
    up(chunk): Passed {
      if (isSwitched) return { forward: chunk, back: nothing };
      if (requests.refusal()) return { forward: nothing, back: nothing };
      const forward = requests.push(chunk);
      const { bytes, ends } = withRefusal(nothing);
      return { forward, back: bytes, ends };
    },
    down(chunk): Passed {
      const cleaned = responses.push(chunk);
      if (!cleaned) return { problem: `its answer cannot be read: ${responses.fault()}` };
      if (isSwitched) return { forward: cleaned, back: nothing };
      isSwitched = responses.state() === "switched";
      if (isSwitched && !requests.isHeld()) return { problem: "it changes to a protocol that nobody asked for" };
      if (isSwitched) return { forward: cleaned, back: requests.release() };
      const back = isIdle() ? requests.resume() : nothing;
      const { bytes, ends } = withRefusal(cleaned);
      return { forward: bytes, back, ends };
    },
    finish: () => responses.finish(),
  };
};

/** The requests of one client as they go on, up to the first that does not. */
const createRequests = (judge: Judge, expect: (method: string) => void) => {
  const reader = createRequestReader();
  let refusal: Uint8Array | undefined;
  const takeHead = (head: RequestHead): Uint8Array => {
    const { method, target, version, headers, host } = head;
    const problem = problemOf(head);
    const fields = headers.filter(([name]) => name.toLowerCase() !== "host");
    const verdict = problem ?? judge({ method, target, authority: host, fields });
    if (!verdict.ok) {
      refusal = refusalOf(verdict.status, verdict.sentence);
      return nothing;
    }
    expect(method);
    const named: Field[] = host === undefined ? [] : [["Host", host]];
    const lines = [...named, ...verdict.fields].map(([name, value]) => `${name}: ${value}\r\n`);
    return Buffer.from(`${method} ${target} HTTP/${version}\r\n${lines.join("")}\r\n`, "latin1");
  };
  const take = (events: readonly RequestEvent[]): Uint8Array => {
    const parts: Uint8Array[] = [];
    for (const event of events) {
      if (refusal) break;
      if (event.kind === "head") parts.push(takeHead(event.head));
      else if (event.kind === "body") parts.push(event.bytes);
      else if (event.kind === "error") refusal = refusalOf(event.status, event.reason);
    }
    return joined(parts);
  };
  return {
    push: (chunk: Uint8Array) => take(reader.push(chunk)),
    /** After an answer that does not change the protocol. */
    resume: () => (reader.isHeld() ? take(reader.resume()) : nothing),
    release: () => reader.release(),
    isHeld: () => reader.isHeld(),
    /** What the client is told instead, as soon as it has the answers before. */
    refusal: () => refusal,
  };
};

const problemOf = ({ form, upgrade }: RequestHead): Verdict | undefined => {
  if (form !== "origin" && form !== "asterisk") return { ok: false, status: 400, sentence: "a request for a proxy" };
  if (upgrade === undefined || upgrade === "websocket") return undefined;
  return { ok: false, status: 501, sentence: "another protocol" };
};

const joined = (parts: Uint8Array[]): Uint8Array => {
  const full = parts.filter(({ length }) => length > 0);
  return full.length > 1 ? Buffer.concat(full) : (full[0] ?? nothing);
};
