import { readAuthority } from "../authority.ts";
import type { Field, Head } from "./head.ts";
import { isCredential } from "./hpack.ts";

/** A request that two servers cannot take for different ones. */
export type Request = { head: Head; contentLength: number | undefined };

const mostMethodLength = 32;
const fieldName = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const method = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Every byte but control characters; a tab is none. */
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;
const connectionFields = new Set([
  ...["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "http2-settings"],
]);

/** Reads a request's fields by the letter of RFC 9113, 8; gives what is wrong with them as a sentence. */
export const readRequest = (fields: readonly Field[], isEnd: boolean): Request | string => {
  const { pseudo, plain, problem } = divide(fields);
  if (problem !== undefined) return problem;
  const [named, path, scheme, authority] = [":method", ":path", ":scheme", ":authority"].map((name) =>
    pseudo.get(name),
  );
  if (pseudo.size !== 4 || !named || !path || !scheme || !authority) return "it has not just the four pseudo fields";
  if (!method.test(named) || named.length > mostMethodLength) return "the method cannot be read";
  // TRACE would give back what was added on the way, and not every server tells it by the case of its letters.
  if (/^(connect|trace)$/i.test(named)) return `${named} is not forwarded`;
  if (scheme !== "https") return "its scheme is not https";
  if (!readAuthority(authority)) return "the authority cannot be read";
  if (!/^\/[\x21\x22\x24-\x7e]*$/.test(path) && !(path === "*" && named === "OPTIONS"))
    return "the path cannot be read";

  const valuesOf = (name: string) => plain.flatMap(([own, value]) => (own === name ? [value] : []));
  if (plain.some(([, value]) => /^[ \t]|[ \t]$/.test(value))) return "a field has space around its value";
  if (valuesOf("te").some((value) => value !== "trailers")) return "TE is more than trailers";
  const [host = authority, ...hosts] = valuesOf("host");
  if (hosts.length > 0 || host.toLowerCase() !== authority.toLowerCase()) return "Host is not the authority";
  const [length, ...lengths] = valuesOf("content-length");
  if (lengths.length > 0 || !/^[0-9]{0,15}$/.test(length ?? "") || length === "") return "its length cannot be read";
  if (isEnd && Number(length ?? 0) > 0) return "its body is shorter than its length";
  return {
    head: { method: named, target: path, authority, fields: plain.filter(([name]) => name !== "host") },
    contentLength: length === undefined ? undefined : Number(length),
  };
};

/** The fields of a request that goes on. */
export const fieldsOf = ({ method, target, authority }: Head, fields: readonly Field[]): Field[] => [
  ...([
    [":method", method],
    [":scheme", "https"],
    [":authority", authority ?? ""],
    [":path", target],
  ] satisfies Field[]),
  ...fields.map(([name, value]): Field => [name.toLowerCase(), value]),
];

/** What is wrong with the fields behind a request's body: nothing that frames, routes or allows it may come late. */
export const problemOfTrailers = (fields: readonly Field[]): string | undefined => {
  const { pseudo, plain, problem } = divide(fields);
  if (problem !== undefined) return problem;
  const late = plain.some(([name]) => name === "host" || name === "content-length" || isCredential(name));
  return pseudo.size > 0 || late ? "a trailer that belongs into the head" : undefined;
};

/** A server's fields: a head with its status, or trailers without one. Undefined when they cannot be read. */
export const readAnswer = (fields: readonly Field[]): { status: number | undefined; fields: Field[] } | undefined => {
  const { pseudo, plain, problem } = divide(fields);
  const status = pseudo.get(":status");
  if (problem !== undefined || pseudo.size > (status === undefined ? 0 : 1)) return undefined;
  // A change to another protocol is not known to HTTP/2.
  if (status !== undefined && (!/^[1-9][0-9]{2}$/.test(status) || status === "101")) return undefined;
  return { status: status === undefined ? undefined : Number(status), fields: plain };
};

type Divided = { pseudo: Map<string, string>; plain: Field[]; problem?: string };

const divide = (fields: readonly Field[]): Divided => {
  const pseudo = new Map<string, string>();
  const plain: Field[] = [];
  const wrong = (problem: string): Divided => ({ pseudo, plain, problem });
  for (const [name, value] of fields) {
    if (!fieldValue.test(value)) return wrong("a field has control characters");
    if (name.startsWith(":")) {
      if (plain.length > 0) return wrong("a pseudo field stands behind others");
      if (pseudo.has(name)) return wrong("a pseudo field stands twice");
      pseudo.set(name, value);
    } else {
      if (!fieldName.test(name)) return wrong("the name of a field cannot be read");
      if (connectionFields.has(name)) return wrong("a field is about the connection");
      plain.push([name, value]);
    }
  }
  return { pseudo, plain };
};
