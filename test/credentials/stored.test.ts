import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { claude } from "../../src/credentials/formats/claude.ts";
import { fileStore } from "../../src/credentials/store.ts";
import { createStored } from "../../src/credentials/stored.ts";
import { claudeText, claudeTokens, exchangeWith, makeHome, startIssuer } from "./lab.ts";

const start = Date.UTC(2026, 5, 1);
const minuteMs = 60_000;

let lab: ReturnType<typeof makeHome>;
let issuer: ReturnType<typeof startIssuer>;
let clock: { ms: number };

beforeEach(() => {
  lab = makeHome();
  issuer = startIssuer("refresh-0");
  clock = { ms: start };
});
afterEach(() => {
  issuer.stop();
  lab.remove();
});

const name = ".claude/.credentials.json";
const open = (expiresAtMs: number, refresh: string | null = "refresh-0", file?: string) => {
  const text = claudeText("access-0", refresh, expiresAtMs);
  const target = file ?? lab.write(name, text);
  const lock = { file: path.join(lab.home, "locks/one") };
  const store = fileStore(target, "~/file", [lock]);
  const exchange = exchangeWith(issuer.url);
  const live = createStored({ store, format: claude, key: "claudeAiOauth", text, exchange, now: () => clock.ms });
  return { live, file: target };
};

describe("a login that is kept in a file", () => {
  test("is left alone while it is good for more than five minutes", () => {
    const { live } = open(start + 6 * minuteMs);
    expect(live.freshen()).toBeUndefined();
    expect(live.value()).toBe("access-0");
    expect(issuer.state.bodies).toEqual([]);
  });

  test("is renewed before it expires, once for all who wait, and written back", async () => {
    const { live, file } = open(start + 4 * minuteMs);
    const first = live.freshen();
    expect(first).toBeInstanceOf(Promise);
    expect(live.freshen()).toBe(first);
    expect(live.value()).toBe("access-0");
    await first;
    expect(live.value()).toBe("access-1");
    expect(live.freshen()).toBeUndefined();
    expect(issuer.state.count).toBe(1);
    expect(claudeTokens(file)).toMatchObject({
      ...{ accessToken: "access-1", refreshToken: "refresh-1", expiresAt: start + 28_800_000, subscriptionType: "max" },
    });
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    expect(fs.readdirSync(path.dirname(file))).toEqual([".credentials.json"]);
    expect(live.secrets().sort()).toEqual(["access-0", "access-1", "refresh-0", "refresh-1"]);
  });

  test("after a sleep it is due by the wall clock", async () => {
    const { live } = open(start + 60 * minuteMs);
    expect(live.freshen()).toBeUndefined();
    clock.ms += 600 * minuteMs;
    expect(live.value()).toBeUndefined();
    await live.freshen();
    expect(live.value()).toBe("access-1");
  });

  test("is renewed when the server does not take it any more", async () => {
    const { live } = open(start + 600 * minuteMs);
    live.reject("another");
    expect(live.freshen()).toBeUndefined();
    live.reject("access-0");
    await live.freshen();
    expect(live.value()).toBe("access-1");
    expect(live.freshen()).toBeUndefined();
    // Whoever provokes refusals does not make it renew without end.
    live.reject("access-1");
    expect(live.freshen()).toBeUndefined();
    clock.ms += 4 * minuteMs;
    live.reject("access-1");
    expect(live.freshen()).toBeUndefined();
    clock.ms += 2 * minuteMs;
    live.reject("access-1");
    await live.freshen();
    expect(live.value()).toBe("access-2");
  });

  test("a link stays a link, and its target is written", async () => {
    const real = lab.write("dotfiles/credentials.json", claudeText("access-0", "refresh-0", start));
    fs.mkdirSync(path.join(lab.home, ".claude"));
    const link = path.join(lab.home, name);
    fs.symlinkSync(real, link);
    const { live } = open(start, "refresh-0", link);
    await live.freshen();
    expect(fs.lstatSync(link).isSymbolicLink()).toBe(true);
    expect(claudeTokens(real).accessToken).toBe("access-1");
  });
});

describe("when somebody else renews it", () => {
  test("the changed file is noticed and nothing is asked of the server", async () => {
    const { live, file } = open(start + 600 * minuteMs);
    fs.writeFileSync(file, claudeText("access-new", "refresh-new", start + 900 * minuteMs));
    await live.freshen();
    expect(live.value()).toBe("access-new");
    expect(issuer.state.bodies).toEqual([]);
  });

  test("a file that is half written changes nothing until it is whole", async () => {
    const { live, file } = open(start + 600 * minuteMs);
    const whole = claudeText("access-new", "refresh-new", start + 900 * minuteMs);
    fs.writeFileSync(file, whole.slice(0, 40));
    await live.freshen();
    expect(live.value()).toBe("access-0");
    fs.writeFileSync(file, whole);
    await live.freshen();
    expect(live.value()).toBe("access-new");
  });

  test("a file that is gone is a login that is gone", async () => {
    const { live, file } = open(start + 600 * minuteMs);
    fs.rmSync(file);
    await live.freshen();
    expect(live.value()).toBeUndefined();
    expect(live.freshen()).toBeUndefined();
  });
});

describe("when it cannot be renewed", () => {
  test("the old value stays while it is good, and the server is asked every thirty seconds at most", async () => {
    const { live, file } = open(start + 4 * minuteMs);
    const before = fs.readFileSync(file, "utf8");
    issuer.state.answer = () => new Response("no", { status: 503 });
    await live.freshen();
    expect(live.value()).toBe("access-0");
    expect(live.failure()).toBe("the server answered 503");
    expect(fs.readFileSync(file, "utf8")).toBe(before);
    clock.ms += 29_000;
    expect(live.freshen()).toBeUndefined();
    clock.ms += 2000;
    await live.freshen();
    expect(issuer.state.bodies.length).toBe(2);
    clock.ms += 4 * minuteMs;
    expect(live.value()).toBeUndefined();
    issuer.state.answer = undefined;
    await live.freshen();
    expect(live.value()).toBe("access-1");
    expect(live.failure()).toBeUndefined();
  });

  test("a refresh token that is spent is not sent again until the file changes", async () => {
    const { live, file } = open(start, "refresh-spent");
    await live.freshen();
    expect(live.failure()).toContain("invalid_grant");
    clock.ms += 3600_000;
    expect(live.freshen()).toBeUndefined();
    expect(issuer.state.bodies.length).toBe(1);
    fs.writeFileSync(file, claudeText("access-0", "refresh-0", start));
    await live.freshen();
    expect(live.value()).toBe("access-1");
  });

  test("without a refresh token nothing is asked", async () => {
    const { live } = open(start, null);
    expect(live.value()).toBeUndefined();
    await live.freshen();
    expect(issuer.state.bodies).toEqual([]);
  });

  test("an answer that holds no token spends nothing of the file", async () => {
    const { live, file } = open(start + minuteMs);
    const before = fs.readFileSync(file, "utf8");
    for (const body of ["{}", "[]", '{"access_token":""}', "<html>"]) {
      issuer.state.answer = () => new Response(body);
      clock.ms += 31_000;
      await live.freshen();
    }
    expect(fs.readFileSync(file, "utf8")).toBe(before);
    expect(fs.readdirSync(path.dirname(file))).toEqual([".credentials.json"]);
  });

  test("a new token is not asked for where it could not be kept", async () => {
    const { live, file } = open(start + minuteMs);
    // Also root cannot make a file where a directory stands.
    const blocked = path.join(path.dirname(file), "..credentials.json.cordon");
    fs.mkdirSync(path.join(blocked, "full"), { recursive: true });
    await live.freshen();
    expect(live.failure()).toBeDefined();
    expect(issuer.state.bodies).toEqual([]);
    expect(live.value()).toBe("access-0");
  });
});
