import { expect, test } from "bun:test";
import { createRules, decideRequest } from "../../src/egress/rules.ts";

/** How a server may come from a target to the segments that it looks up; undefined where it answers with an error. */
type Server = (target: string) => string[] | undefined;

const decodeOnce = (text: string): string => {
  const bytes = Buffer.from(
    text.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    "latin1",
  );
  return bytes.toString("latin1");
};
const decodeWide = (text: string): string =>
  decodeOnce(text.replace(/%u00([0-9a-fA-F]{2})/g, (_, hex: string) => `%${hex}`));
const withoutQuery = (target: string): string => target.split("?", 1)[0]!;
/** RFC 3986, 5.2.4, and empty segments dropped. */
const resolve = (path: string): string[] => {
  const kept: string[] = [];
  for (const segment of path.split("/"))
    if (segment === "..") kept.pop();
    else if (segment !== "" && segment !== ".") kept.push(segment);
  return kept;
};
const withoutParameters = (path: string): string => path.replace(/;[^/]*/g, "");

const servers: Record<string, Server> = {
  exact: (target) => resolve(withoutQuery(target)).map(decodeOnce),
  decoding: (target) => resolve(decodeOnce(withoutQuery(target))),
  "decoding before it looks for the query": (target) => resolve(withoutQuery(decodeOnce(target)).split("#", 1)[0]!),
  "decoding twice": (target) => resolve(decodeOnce(decodeOnce(withoutQuery(target)))),
  "decoding %u": (target) => resolve(decodeWide(withoutQuery(target))),
  "for which a backslash is a slash": (target) => resolve(decodeOnce(withoutQuery(target)).replaceAll("\\", "/")),
  "that drops parameters": (target) => resolve(withoutParameters(withoutQuery(target))).map(decodeOnce),
  "that decodes, then drops parameters": (target) => resolve(withoutParameters(decodeOnce(withoutQuery(target)))),
  "that drops parameters, then decodes": (target) => resolve(decodeOnce(withoutParameters(withoutQuery(target)))),
  "of C": (target) => resolve(decodeOnce(withoutQuery(target)).split("\0", 1)[0]!),
  "that takes overlong encodings": (target) =>
    resolve(decodeOnce(withoutQuery(target)).replaceAll("\xc0\xaf", "/").replaceAll("\xc0\xae", ".")),
  "that disregards case": (target) => resolve(decodeOnce(withoutQuery(target))).map((segment) => segment.toLowerCase()),
};

type Sample = { methods: string[] | undefined; segments: string[] };

/** What a rule means, as plainly as it can be said. */
const isMeant = ({ methods, segments }: Sample, method: string, path: string[]): boolean => {
  if (methods && !methods.includes(method) && !(method === "HEAD" && methods.includes("GET"))) return false;
  const source = (text: string) => text.replace(/[.()]/g, "\\$&").replaceAll("*", "[^]*");
  return segments.every((segment, at) => path[at] !== undefined && new RegExp(`^${source(segment)}$`).test(path[at]));
};

const spell = ({ methods, segments }: Sample): string =>
  `${methods ? `${methods.join(",")} ` : ""}a.example/${segments.join("/")}`;

const draw = (seed: number) => {
  let state = seed;
  const below = (most: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >> 8) % most;
  };
  const one = <T>(list: readonly T[]): T => list[below(list.length)]!;
  const list = <T>(least: number, most: number, item: () => T): T[] =>
    Array.from({ length: least + below(most - least + 1) }, item);
  return { below, one, list };
};

const words = ["a", "b", "ab", "token"];
const methods = ["GET", "HEAD", "POST", "PUT"];

test("on plain paths a decision is what the rules say", () => {
  const { one, list, below } = draw(7);
  const sample = (): Sample => ({
    methods: below(2) === 0 ? undefined : list(1, 2, () => one(methods)),
    segments: list(0, 3, () => one([...words, "*", "a*", "*b"])),
  });
  const counts = { allowed: 0, denied: 0 };
  for (let round = 0; round < 20_000; round++) {
    const [allow, deny, method] = [list(0, 3, sample), list(0, 2, sample), one(methods)];
    const [isOpen, segments] = [below(3) === 0, list(0, 4, () => one(words))];
    const rules = createRules({
      allow: [...allow.map(spell), ...(isOpen ? ["a.example"] : [])].map((value) => ({ value, origin: "test" })),
      deny: deny.map((rule) => ({ value: spell(rule), origin: "test" })),
    });
    const isNamed = isOpen || allow.some((rule) => isMeant(rule, method, segments));
    const expected = isNamed && !deny.some((rule) => isMeant(rule, method, segments));
    const end = one(["", "?x=/../", ...(segments.length > 0 ? ["/"] : [])]);
    const target = `/${segments.join("/")}${end}`;
    const { allowed } = decideRequest(rules, "a.example", 443, method, target);
    const all = { allow: allow.map(spell), deny: deny.map(spell), isOpen, method, target };
    expect({ ...all, allowed }).toEqual({ ...all, allowed: expected });
    counts[allowed ? "allowed" : "denied"] += 1;
  }
  expect(Math.min(counts.allowed, counts.denied)).toBeGreaterThan(1000);
});

test("no request is let through that some server reads as one that is denied, or that is not allowed", () => {
  const { one, list, below } = draw(11);
  const confusing = [
    ...["/", "/", "/", "%2f", "%2F", "%252f", "%25%32%66", "%u002f", "%c0%af", "\\", "%5c", "%255c", "//", "/./"],
    ...["/../", "..", ".", "%2e", "%2E%2e", "%252e", "%c0%ae", ";", ";x=1", "%3b", "..;/", "?", "%3f", "#", "%23"],
    ...["%00", "%0a", "\0", "%", "%2", "%zz", "%61", "%41", "%2a", "*", "%7e", "~", ":", "%3a", " ", "\u00e9", "%ff"],
  ];
  const counts = { allowed: 0, refused: 0, denied: 0 };
  for (let round = 0; round < 60_000; round++) {
    const plain = ["a", "b", "token"];
    const rule = (): Sample => ({
      methods: below(2) === 0 ? undefined : ["POST"],
      segments: list(1, 3, () => one([...plain, "*", "a*", "to*en"])),
    });
    const [allow, deny] = [list(0, 2, rule), list(0, 2, rule)];
    const isOpen = allow.length === 0;
    const rules = createRules({
      allow: (isOpen ? ["a.example"] : allow.map(spell)).map((value) => ({ value, origin: "test" })),
      // So that requests are judged at all.
      deny: [...deny.map(spell), "a.example/never"].map((value) => ({ value, origin: "test" })),
    });
    const part = () => one(below(4) === 0 ? confusing : [...plain, "A", "TOKEN", "to", "en", "/", "/"]);
    const target = `${below(50) === 0 ? "" : "/"}${list(1, 9, part).join("")}`;
    const method = one(["POST", "GET"]);
    const { allowed, reason } = decideRequest(rules, "a.example", 443, method, target);
    counts[allowed ? "allowed" : reason === "unclear-path" ? "refused" : "denied"] += 1;
    if (!allowed) continue;
    for (const [name, server] of Object.entries(servers)) {
      const path = server(target) ?? [];
      const isDenied = deny.some((each) => isMeant(each, method, path));
      const isNamed = isOpen || name.includes("case") || allow.some((each) => isMeant(each, method, path));
      const all = { name, allow: allow.map(spell), deny: deny.map(spell), method, target, path };
      expect({ ...all, isDenied, isNamed }).toEqual({ ...all, isDenied: false, isNamed: true });
    }
  }
  expect(Math.min(...Object.values(counts))).toBeGreaterThan(5000);
});
