import { describe, expect, test } from "bun:test";
import { escapeControls } from "../../src/terminal/escape.ts";
import { createFilter } from "../../src/terminal/filter.ts";

const ST = "\x1b\\";
const big = "A".repeat(100_000);

const filterParts = (parts: Uint8Array[]): string => {
  const filter = createFilter();
  return Buffer.concat(parts.map((part) => Buffer.from(filter.push(part)))).toString("latin1");
};

/** `latin1` stands for bytes; every other text is written as UTF-8. */
const passes = (text: string | Buffer): string => filterParts([Buffer.from(text as string)]);

const chop = (bytes: Uint8Array, size: number): Uint8Array[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  );

const kept: Record<string, string> = {
  text: "hello\r\n\tworld\x07\x08\x7f",
  "UTF-8": "日本語 ─│┼ 🎉 ÿ é \u00a0 ✓",
  colours: "\x1b[1;38;5;196;48:2::1:2:3mx\x1b[0m\x1b[m",
  movement: "\x1b[H\x1b[2J\x1b[10;20H\x1b[K\x1b[3A\x1b[5;10r\x1b7\x1b8\x1bM",
  modes: "\x1b[?1049h\x1b[?2004;1004h\x1b[?25l\x1b=\x1b[>1u\x1b[<u\x1b[2 q\x1b[!p",
  questions: "\x1b[c\x1b[6n\x1b[>q\x1b[?2026$p\x1b[14t\x1b]11;?\x07\x1bP$qm\x1b\\\x1bP+q544e\x1b\\",
  title: "\x1b]0;my title ✓ ünï\x07\x1b]2;other\x1b\\\x1b[22;0t\x1b[23;0t",
  link: "\x1b]8;id=1;https://example.com/\x1b\\text\x1b]8;;\x1b\\",
  notification: "\x1b]9;done\x07\x1b]9;4;1;50\x07\x1b]777;notify;title;body\x07\x1b]99;i=1;hello\x1b\\",
  "colour palette": "\x1b]4;1;rgb:ff/00/00\x07\x1b]104\x07\x1b]10;#fff\x07\x1b]110\x07",
  "prompt mark": "\x1b]133;A\x07",
  sixel: `\x1bP0;1;q"1;1;2;2#0;2;0;0;0~~\r\n--${big}${ST}`,
  "inline kitty image": `\x1b_Ga=T,f=100,t=d,m=1;${big}${ST}\x1b_Gm=0;AAAA${ST}\x1b_Ga=d${ST}`,
  "line drawing": "\x1b(0lqk\x1b(B\x0e\x0f",
  "screen's title": "\x1bkname\x1b\\",
};

const dropped: Record<string, string> = {
  "clipboard, BEL": "\x1b]52;c;ZXZpbA==\x07",
  "clipboard, ST": `\x1b]52;c;ZXZpbA==${ST}`,
  "clipboard question": "\x1b]52;c;?\x07",
  "clipboard, leading zero": "\x1b]052;c;ZXZpbA==\x07",
  "clipboard, long": `\x1b]52;c;${big}${ST}`,
  "kitty clipboard": `\x1b]5522;type=write${ST}`,
  "iTerm file": "\x1b]1337;File=name=eA==:AAAA\x07",
  "iTerm copy": "\x1b]1337;CopyToClipboard=\x07",
  font: "\x1b]50;#1\x07",
  "working directory": "\x1b]7;file:///etc\x07",
  "log file": "\x1b]46;/tmp/x\x07",
  "emacs command": "\x1b]51;Efind-file\x07",
  "VS Code command line": "\x1b]633;E;rm -rf ~\x07",
  "ConEmu macro": '\x1b]9;6;"shell"\x07',
  "X property": "\x1b]3;x=y\x07",
  "no number": "\x1b]hello\x07",
  "title with a control": "\x1b]0;a\rb\x07",
  "title too long": `\x1b]0;${"a".repeat(2000)}\x07`,
  "kitty file": `\x1b_Ga=T,t=f;L2V0Yy9wYXNzd2Q=${ST}`,
  "kitty temporary file": `\x1b_Gf=100,t=t,a=T;L3RtcA==${ST}`,
  "kitty shared memory": `\x1b_Gt=s;eA==${ST}`,
  "kitty file, long": `\x1b_Gt=f;${big}${ST}`,
  "tmux pass-through": "\x1bPtmux;\x1b\x1b]52;c;eA==\x07\x1b\\",
  "screen pass-through": "\x1bP\x1b]52;c;eA==\x07\x1b\\",
  "user-defined keys": `\x1bP0;1|17/726d${ST}`,
  "terminfo setting": `\x1bP+p544e=41${ST}`,
  "privacy message": `\x1b^secret${ST}`,
  "start of string": `\x1bXsecret${ST}`,
  "title report": "\x1b[21t\x1b[20t",
  "window resize": "\x1b[8;10;10t\x1b[2t",
  "screen checksum": "\x1b[1;1;1;1;24;80*y",
  "media copy": "\x1b[5i\x1b[?5i\x1b[i",
  VT52: "\x1b[?2l\x1b[?25;2l",
  "8-bit answers": "\x1b G",
  "other character set": "\x1b%@\x1b%/G",
  answerback: "\x05",
};

describe("what passes", () => {
  for (const [name, text] of Object.entries(kept)) {
    test(name, () => {
      const bytes = Buffer.from(`<${text}>`);
      expect(passes(bytes)).toBe(bytes.toString("latin1"));
    });
  }

  test("a plain chunk is not copied", () => {
    const chunk = Buffer.from("plain \x1b[31mred\x1b[0m ✓\n");
    expect(createFilter().push(chunk)).toBe(chunk);
  });
});

describe("what is dropped", () => {
  for (const [name, text] of Object.entries(dropped)) {
    // A title of screen's pass-through ends at its inner BEL or ST; what is left of it is harmless text.
    const isNested = name.endsWith("pass-through");
    test(name, () => {
      const out = passes(`<${text}>`);
      if (isNested) expect(out).not.toMatch(/52;c|\x1bP|tmux/);
      else expect(out).toBe("<>");
    });
  }

  test("a refused link closes the one before it", () => {
    expect(passes(`\x1b]8;;https://a.b/${ST}x\x1b]8;;file:///etc/passwd${ST}y`)).toBe(
      `\x1b]8;;https://a.b/${ST}x\x1b]8;;${ST}y`,
    );
    expect(passes(`<\x1b]8;;javascript:x${ST}>`)).toBe(`<\x1b]8;;${ST}>`);
  });
});

describe("8-bit controls", () => {
  const forms = { raw: "latin1", "as UTF-8": "utf8" } as const;
  for (const [name, encoding] of Object.entries(forms)) {
    test(`${name}: the same rules, and only 7-bit forms come out`, () => {
      const write = (text: string) => passes(Buffer.from(text, encoding));
      expect(write("<\u009d52;c;eA==\u0007>")).toBe("<>");
      expect(write("<\u009b31m>")).toBe("<\x1b[31m>");
      expect(write("<\u009d0;title\u0007>")).toBe(`<\x1b]0;title${ST}>`);
      expect(write("<\u009b21t\u0085\u009c\u0080>")).toBe("<>");
      expect(write(`<\u009fGt=f;eA==${ST}>`)).toBe("<>");
    });
  }

  test("a string may end in the 8-bit way, but not inside a character", () => {
    expect(passes(Buffer.from("<\x1b]52;c;eA==\x9c>", "latin1"))).toBe("<>");
    expect(passes("<\x1b]0;\u2713 \u0718\x07>")).toBe(Buffer.from("<\x1b]0;\u2713 \u0718\x07>").toString("latin1"));
  });

  test("overlong and cut UTF-8 hides no control", () => {
    for (const bytes of ["\xe0\x82\x9b31m", "\xc0\x9b21t", "\xc2\x9b21t", "\xe2\x9b21t", "\xf0\x80\x82\x9b21t"]) {
      expect(passes(Buffer.from(`<${bytes}>`, "latin1"))).not.toMatch(/(?:^|[^\x80-\xff])[\x80-\x9f]|\xc2[\x80-\x9f]/);
    }
  });
});

describe("aborted and unfinished sequences", () => {
  test("CAN and SUB end a sequence", () => {
    expect(passes("<\x1b]52;c;eA==\x18>")).toBe("<>");
    expect(passes("<\x1b[31\x1a>")).not.toContain("[31");
  });

  test("an escape inside a string starts anew", () => {
    expect(passes("<\x1b]0;a\x1b]52;c;eA==\x07>")).toBe("<>");
    expect(passes("<\x1b]0;a\x1b[31m>")).toBe("<\x1b[31m>");
    expect(passes(`<\x1bPq~~\x1b]52;c;eA==\x07>`)).toBe(`<\x1bPq~~${ST}>`);
  });

  test("an unfinished one never comes out, and a graphics string is closed", () => {
    expect(passes("<\x1b]52;c;AAAA")).toBe("<");
    expect(passes("<\x1b")).toBe("<");
    const parts = ["<\x1bPq~~", "\x07x"].map((part) => Buffer.from(part));
    expect(filterParts(parts)).toBe(`<\x1bPq~~${ST}\x07x`);
    expect(passes("<\x1bPq~~\x07x")).toBe(`<\x1bPq~~${ST}\x07x`);
  });
});

test("where writes are split makes no difference", () => {
  for (const text of [...Object.values(kept), ...Object.values(dropped)]) {
    const bytes = Buffer.from(`<${text}✓>`);
    const whole = filterParts([bytes]);
    const last = Math.min(bytes.length, 300);
    for (let at = 1; at < last; at++) expect(filterParts([bytes.subarray(0, at), bytes.subarray(at)])).toBe(whole);
    if (bytes.length < 10_000) expect(filterParts(chop(bytes, 1))).toBe(whole);
    else expect(filterParts(chop(bytes, 4095))).toBe(whole);
  }
});

/** A small generator with a fixed seed (xorshift), so that a failure can be repeated. */
const createRandom = (seed: number) => {
  let state = seed;
  return (limit: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
};

test("random streams: split-invariant, stable, and free of what is refused", () => {
  const random = createRandom(0x5eed);
  const pieces = [...Object.values(kept), ...Object.values(dropped)]
    .filter((text) => text.length < 1000)
    .map((text) => Buffer.from(text));
  const alphabet = Buffer.from(
    "\x1b\x1b\x1b[]P_\\^Xk;?0125 mthlqGtf=c\x07\x18\x9c\x9b\x9d\x90\xc2\xe2\x82\xf0\xe0A\n",
    "latin1",
  );
  for (let round = 0; round < 3000; round++) {
    const parts: Buffer[] = [];
    for (let count = random(12); count >= 0; count--) {
      const piece = pieces[random(pieces.length)]!;
      if (random(3) === 0) parts.push(piece.subarray(random(piece.length), random(piece.length)));
      else if (random(2) === 0) parts.push(piece);
      else parts.push(Buffer.from(Array.from({ length: random(20) }, () => alphabet[random(alphabet.length)]!)));
    }
    const bytes = Buffer.concat(parts);
    const out = filterParts([bytes]);
    expect(filterParts(chop(bytes, 1 + random(7)))).toBe(out);
    expect(out).not.toMatch(
      /\x1b\](?:0*52|1337|50|7|633);|\x1b_G[^;\x1b]*t=[fts]|\x1b\[2[01]t|\x1bP(?:tmux|\x1b)|\x05/,
    );
    // A character that a dropped sequence has cut would wait for its rest: the full stop ends it.
    expect(filterParts([Buffer.from(`${out}.`, "latin1")])).toBe(`${out}.`);
  }
});

describe("what a program leaves behind", () => {
  const leaves = (text: string): string => {
    const filter = createFilter();
    filter.push(Buffer.from(text));
    return filter.modes.leave();
  };

  test("nothing, when it put everything back", () => {
    expect(leaves("\x1b[1mx\x1b[0m\x1b[?1049h\x1b[?25l\x1b[?1000;1006h\x1b[?1006;1000l\x1b[?25h\x1b[?1049l")).toBe("");
    expect(leaves("\x1b[>1u\x1b[<u\x1b=\x1b>\x1b[2 q\x1b[0 q\x1b(0\x1b(B\x0e\x0f\x1b[1;5r\x1b[r\x1b[22t\x1b[23t")).toBe(
      "",
    );
    expect(leaves("\x1b]8;;https://a.b\x07x\x1b]8;;\x07\x1b]11;#000\x07\x1b]111\x07\x1b]10;?\x07")).toBe("");
  });

  test("each mode that is still on is put back, the screen last", () => {
    expect(leaves("\x1b[?1049h\x1b[?2004h\x1b[>5u\x1b[31m\x1b[?25l")).toBe(
      "\x1b[?2004l\x1b[?25h\x1b[<1u\x1b[0m\x1b[?1049l",
    );
    expect(leaves("\x1b=\x1b[4 q\x1b[>4;2m\x1b]11;#000\x07")).toBe("\x1b>\x1b[0 q\x1b[>4m\x1b]111\x1b\\");
    expect(leaves("\x1b[?2026h\x1b[?1004h\x1b[?1003h\x1b[?1h\x1b[22;0t")).toBe(
      "\x1b[?2026l\x1b[?1004l\x1b[?1003l\x1b[?1l\x1b[23;0t",
    );
  });

  test("a full reset clears the list, and no program can make it grow", () => {
    expect(leaves("\x1b[?1049h\x1b[31m\x1b=\x1bc")).toBe("");
    expect(leaves("\x1b[>1u\x1b[22t".repeat(10_000)).length).toBeLessThan(1000);
  });

  test("what was on is repeated after a stop", () => {
    const filter = createFilter();
    filter.push(Buffer.from("\x1b[?1049h\x1b[?2004h\x1b[>5u\x1b[?25l"));
    expect(filter.modes.enter()).toBe("\x1b[?1049h\x1b[>5u\x1b[?2004h\x1b[?25l");
  });

  test("questions are counted", () => {
    const filter = createFilter();
    filter.push(Buffer.from("\x1b[c\x1b[6n\x1b]11;?\x07\x1b[?u\x1bP+q544e\x1b\\\x1b[31m\x1b]0;what?\x07"));
    expect(filter.questions()).toBe(5);
  });
});

test("controls, bidirectional and invisible characters become visible", () => {
  expect(escapeControls("a\x1b[31mb\n\x7f\u0085")).toBe("a\\x1b[31mb\\n\\x7f\\x85");
  expect(escapeControls("user\u202egpj.exe\u200b\ufeff\u2066")).toBe("user\\u{202e}gpj.exe\\u{200b}\\u{feff}\\u{2066}");
  expect(escapeControls("日本 é ✓ 🎉 plain")).toBe("日本 é ✓ 🎉 plain");
  expect(escapeControls("\u{e0041}\u2028\ud800")).toBe("\\u{e0041}\\u{2028}\\u{d800}");
});
