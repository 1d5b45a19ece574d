import { describe, expect, test } from "bun:test";
import { createNeedles, createScrubber, type Needles, scrubText } from "../../../src/egress/intercept/scrub.ts";
import { createNoise, type Noise } from "../noise.ts";
import { latin1, textOf } from "../requests.ts";

const secret = "sk-fake-0123456789+/abcdefghijkl==";

/** What `createScrubber` is to do, written down as simply as can be: looks for every needle at every place. */
const scrubNaively = (text: string, needles: readonly string[]): string => {
  const hidden = new Set<number>();
  for (const needle of needles)
    for (let at = text.indexOf(needle); at >= 0; at = text.indexOf(needle, at + 1))
      for (let place = at; place < at + needle.length; place += 1) hidden.add(place);
  return [...text].map((character, at) => (hidden.has(at) ? "*" : character)).join("");
};
const beginsNeedle = (text: string, needles: readonly string[]): boolean =>
  needles.some((needle) => needle.length > text.length && needle.startsWith(text));

const textsOf = ({ all }: Needles): string[] => all.map((needle) => textOf(needle));
const scrubWhole = (text: string, secrets: readonly string[]): string => {
  const scrubber = createScrubber(createNeedles(secrets));
  return textOf(scrubber.push(latin1(text))) + textOf(scrubber.flush());
};
const stars = (text: string): number => text.replaceAll(/[^*]/g, "").length;

describe("what is found", () => {
  test("the secret, as often as it stands there, and nothing else", () => {
    expect(scrubWhole(`a ${secret}${secret} b ${secret.slice(1)} c`, [secret])).toBe(
      `a ${"*".repeat(2 * secret.length)} b ${secret.slice(1)} c`,
    );
  });

  test.each([0, 1, 2, 3, 4, 5])("in base64 behind %d other bytes", (before) => {
    for (const encoding of ["base64", "base64url"] as const) {
      const bytes = Buffer.from(`${"u".repeat(before)}${secret}:behind`);
      const scrubbed = scrubWhole(bytes.toString(encoding), [secret]);
      expect(scrubbed).toHaveLength(bytes.toString(encoding).length);
      expect(stars(scrubbed)).toBeGreaterThanOrEqual(Math.floor((secret.length * 4) / 3) - 1);
      expect(Buffer.from(scrubbed.replaceAll("*", "A"), "base64").toString()).toEndWith(":behind");
    }
  });

  const quoted = 'p"a\\s/s\nwörd%';
  test.each([
    ["JSON", JSON.stringify(quoted).slice(1, -1)],
    ["JSON with escaped slashes", JSON.stringify(quoted).slice(1, -1).replace("/", "\\/")],
    ["a URL", encodeURIComponent(quoted)],
    ["a URL in lower case", encodeURIComponent(quoted).toLowerCase()],
    ["hex", Buffer.from(quoted).toString("hex")],
    ["hex in upper case", Buffer.from(quoted).toString("hex").toUpperCase()],
    ["UTF-8", quoted],
  ])("in %s", (_, text) => {
    const wire = Buffer.from(`<${text}>`).toString("latin1");
    expect(scrubWhole(wire, [quoted])).toBe(`<${"*".repeat(wire.length - 2)}>`);
  });

  test("short secrets as they are, and none that is too short to be one", () => {
    const short = "s3cr3t!";
    const hex = Buffer.from(short).toString("hex");
    expect(scrubWhole(`${short} ${hex}`, [short])).toBe(`******* ${hex}`);
    expect(scrubWhole("abc", ["abc", "b", ""])).toBe("abc");
    expect(scrubWhole("abcd", ["abc", "abcd"])).toBe("****");
  });

  test("a secret of any length", () => {
    const token = "0123456789".repeat(200);
    expect(scrubWhole(`12 ${token} 01`, [token, secret])).toBe(`12 ${"*".repeat(2000)} 01`);
  });

  test("each needle is looked for once", () => {
    const { all } = createNeedles([secret, secret, "deadbeefdeadbeef"]);
    expect(new Set(all.map((needle) => textOf(needle))).size).toBe(all.length);
  });

  test("half a surrogate pair is what it becomes on the wire", () => {
    const odd = "\ud800odd-secret";
    expect(scrubWhole(textOf(Buffer.from(odd)), [odd])).toBe("*".repeat(Buffer.from(odd).length));
  });

  test("where needles overlap, contain and touch each other", () => {
    expect(scrubWhole("xabcdefx", ["abcd", "cdef"])).toBe("x******x");
    expect(scrubWhole("xabcdefx", ["abcdef", "bcde"])).toBe("x******x");
    expect(scrubWhole("abcdefgh", ["abcd", "efgh"])).toBe("********");
    expect(scrubWhole("aaaaaa b aaa", ["aaaa"])).toBe("****** b aaa");
  });
});

describe("a stream", () => {
  test("is handed on as it is when nothing is in it", () => {
    const scrubber = createScrubber(createNeedles([secret]));
    for (const text of ["data: {}\n\n", "", "x".repeat(100_000)]) {
      const chunk = latin1(text);
      expect(scrubber.push(chunk)).toBe(chunk);
    }
    expect(scrubber.flush()).toHaveLength(0);
    const chunk = latin1(secret);
    expect(createScrubber(createNeedles([])).push(chunk)).toBe(chunk);
  });

  test("waits only for what could become a needle", () => {
    const scrubber = createScrubber(createNeedles([secret]));
    const push = (text: string) => textOf(scrubber.push(latin1(text)));
    expect(push("event: a sk-f")).toBe("event: a ");
    expect(push("ate\n\n")).toBe("sk-fate\n\n");
    expect(push(`${secret}s`)).toBe("*".repeat(secret.length));
    expect(textOf(scrubber.flush())).toBe("s");
    expect(push(secret.slice(0, -1))).toBe("");
    expect(push(secret.slice(-1))).toBe("*".repeat(secret.length));
  });

  test("leaves the chunks that it was given unchanged, and keeps none", () => {
    const scrubber = createScrubber(createNeedles([secret]));
    const chunk = latin1(`${secret} sk-f`);
    const given = scrubber.push(chunk);
    expect(textOf(chunk)).toBe(`${secret} sk-f`);
    chunk.fill(0);
    expect(textOf(given) + textOf(scrubber.flush())).toBe(`${"*".repeat(secret.length)} sk-f`);
  });

  test("can begin anew behind its end", () => {
    const scrubber = createScrubber(createNeedles(["abcdef"]));
    expect(textOf(scrubber.push(latin1("abc")))).toBe("");
    expect(textOf(scrubber.flush())).toBe("abc");
    expect(textOf(scrubber.push(latin1("def")))).toBe("def");
  });
});

/** Of few different letters, so that beginnings, overlaps and repetitions are frequent. */
const wordOf = (noise: Noise, letters: number, length: number): string =>
  Array.from({ length }, () => String.fromCharCode(97 + noise.below(letters))).join("");

test("anywhere cut, all of it is as if looked at as a whole, and no later than it must be", () => {
  const noise = createNoise(5);
  let [hits, waits] = [0, 0];
  for (let round = 0; round < 4000; round += 1) {
    const letters = 2 + noise.below(2);
    const lengths = round % 4 === 0 ? [8, 10] : [4, 4];
    const secrets = Array.from({ length: 1 + noise.below(3) }, () =>
      wordOf(noise, letters, lengths[0]! + noise.below(lengths[1]!)),
    );
    const needles = createNeedles(secrets);
    const texts = textsOf(needles);
    const pieces = Array.from({ length: noise.below(12) }, () =>
      noise.below(2) ? wordOf(noise, letters, noise.below(9)) : texts[noise.below(texts.length)]!,
    );
    const text = pieces.join(noise.below(2) ? "" : "a");
    const expected = scrubNaively(text, texts);
    const scrubber = createScrubber(needles);
    let [seen, given] = ["", ""];
    for (const piece of noise.split(latin1(text))) {
      seen += textOf(piece);
      given += textOf(scrubber.push(piece));
      const waiting = seen.slice(given.length);
      if (waiting !== "") waits += 1;
      if (waiting !== "" && !beginsNeedle(waiting, texts)) throw new Error(`waits for nothing: ${waiting}`);
    }
    given += textOf(scrubber.flush());
    if (given !== expected) throw new Error(`${JSON.stringify(secrets)} in ${text}: ${given}, not ${expected}`);
    if (scrubText(text, needles) !== expected) throw new Error(`as a text: ${text}`);
    if (expected !== text) hits += 1;
  }
  expect(hits).toBeGreaterThan(1000);
  expect(waits).toBeGreaterThan(1000);
});

test("any secrets, any bytes: none of them makes it throw, and the length stays", () => {
  const noise = createNoise(6);
  for (let round = 0; round < 1000; round += 1) {
    const secrets = Array.from({ length: noise.below(4) }, () =>
      String.fromCharCode(...Array.from({ length: noise.below(300) }, () => noise.below(round % 2 ? 65_536 : 256))),
    );
    const scrubber = createScrubber(createNeedles(secrets));
    const bytes = Buffer.concat([noise.bytes(noise.below(300)), Buffer.from(secrets[0] ?? ""), noise.bytes(9)]);
    const given = Buffer.concat([...noise.split(bytes).map((piece) => scrubber.push(piece)), scrubber.flush()]);
    expect(given.length).toBe(bytes.length);
    const [first] = secrets;
    if (first !== undefined && Buffer.byteLength(first) >= 4) expect(given.includes(Buffer.from(first))).toBe(false);
  }
});

test("a text of one character a byte", () => {
  const needles = createNeedles([secret]);
  expect(scrubText(`Bearer ${secret}, \xe4`, needles)).toBe(`Bearer ${"*".repeat(secret.length)}, \xe4`);
  expect(scrubText("nothing \xe4", needles)).toBe("nothing \xe4");
});
