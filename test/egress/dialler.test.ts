import { afterEach, describe, expect, jest, test } from "bun:test";
import { once } from "node:events";
import net from "node:net";
import os from "node:os";
import { alternate, connect, dial, dialLoopback, type Guard, isLiteral } from "../../src/egress/dialler.ts";
import { createResolver, type Lookup, resolveHost } from "../../src/egress/resolver.ts";
import { attach, type Wire } from "../../src/egress/wire.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  jest.useRealTimers();
  for (const clean of cleanups.splice(0)) clean();
});

const startServer = async (host = "127.0.0.1") => {
  const seen = { connections: 0 };
  const server = net.createServer((socket) => {
    seen.connections += 1;
    socket.on("error", () => {});
    socket.write("hello");
  });
  await once(server.listen(0, host), "listening");
  cleanups.push(() => server.close());
  return { port: (server.address() as net.AddressInfo).port, seen };
};

const heardOn = (wire: Wire): Promise<string> =>
  new Promise((resolve) => {
    cleanups.push(() => wire.terminate());
    attach(wire, { data: (chunk) => resolve(String(chunk)) });
  });

const allowAll: Guard = () => ({ ok: true });
const refuseAll: Guard = (address) => ({ ok: false, reason: `not ${address}` });

describe("dial", () => {
  test("resolves once and connects to the address that was checked", async () => {
    const { port } = await startServer();
    const asked: string[] = [];
    const checked: string[] = [];
    // A second answer would lead elsewhere: that is what DNS rebinding does.
    const resolve = async (name: string) => {
      asked.push(name);
      return asked.length === 1 ? ["127.0.0.1"] : ["127.0.0.9"];
    };
    const guard: Guard = (address) => {
      checked.push(address);
      return { ok: true };
    };
    const dialled = await dial({ name: "rebinding.test", port }, guard, resolve);
    expect(dialled).toMatchObject({ ok: true, address: "127.0.0.1" });
    if (dialled.ok) expect(await heardOn(dialled.wire)).toBe("hello");
    expect({ asked, checked }).toEqual({ asked: ["rebinding.test"], checked: ["127.0.0.1"] });
  });

  test("nothing is opened to a refused address; the first reason is told", async () => {
    const { port, seen } = await startServer();
    const resolve = async () => ["127.0.0.1", "127.0.0.2"];
    const failure = { kind: "refused-address", address: "127.0.0.1", reason: "not 127.0.0.1" } as const;
    expect(await dial({ name: "private.test", port }, refuseAll, resolve)).toEqual({ ok: false, failure });
    const control = await dial({ name: "private.test", port }, allowAll, resolve);
    if (control.ok) await heardOn(control.wire);
    expect(seen.connections).toBe(1);
  });

  test("of several addresses only the allowed ones are tried", async () => {
    const { port, seen } = await startServer();
    const guard: Guard = (address) => (address === "127.0.0.2" ? { ok: true } : refuseAll(address));
    const dialled = await dial({ name: "mixed.test", port }, guard, async () => ["127.0.0.1", "127.0.0.2"]);
    expect(dialled).toMatchObject({ ok: false, failure: { kind: "unreachable", detail: "connection refused" } });
    expect(seen.connections).toBe(0);
  });

  test("an address is not resolved, but checked", async () => {
    const resolve = () => Promise.reject(new Error("must not be asked"));
    for (const name of ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
      expect(await dial({ name, port: 1 }, refuseAll, resolve)).toMatchObject({
        ok: false,
        failure: { address: name },
      });
    expect(["127.0.0.1", "::1", "fe80::1"].map(isLiteral)).toEqual([true, true, true]);
    expect(["127.1", "example.com", "0x7f.1", "a.1"].map(isLiteral)).toEqual([false, false, false, false]);
  });

  test("a name without an address, and a port where nobody listens", async () => {
    const unresolved = await dial({ name: "nowhere.test", port: 1 }, allowAll, async () => []);
    expect(unresolved).toEqual({ ok: false, failure: { kind: "unresolved" } });
    const refused = await dial({ name: "closed.test", port: 1 }, allowAll, async () => ["127.0.0.1"]);
    expect(refused).toEqual({ ok: false, failure: { kind: "unreachable", detail: "connection refused" } });
  });
});

describe("several addresses", () => {
  test("families take turns, beginning with the first", () => {
    expect(alternate(["1.1.1.1", "2.2.2.2", "::1", "1.1.1.1", "::2", "::3"])).toEqual([
      "1.1.1.1",
      "::1",
      "2.2.2.2",
      "::2",
      "::3",
    ]);
    expect(alternate(["::1", "1.1.1.1"])).toEqual(["::1", "1.1.1.1"]);
  });

  test("one that does not answer is overtaken, and ended when it answers after all", async () => {
    let isEnded = false;
    const late = Promise.withResolvers<Wire>();
    const early = { terminate() {} } as Wire;
    const dialled = await connect(["192.0.2.1", "192.0.2.2"], 1, (address) =>
      address === "192.0.2.1" ? late.promise : Promise.resolve(early),
    );
    expect(dialled).toEqual({ ok: true, wire: early, address: "192.0.2.2" });
    late.resolve({
      terminate() {
        isEnded = true;
      },
    } as Wire);
    await late.promise;
    await Bun.sleep(1);
    expect(isEnded).toBe(true);
  });

  test("the next one is tried at once when one fails, and at most eight are", async () => {
    const tried: string[] = [];
    const addresses = Array.from({ length: 20 }, (_, index) => `192.0.2.${index}`);
    const dialled = await connect(addresses, 1, async (address) => {
      tried.push(address);
      throw Object.assign(new Error(address), { code: tried.length === 1 ? "EHOSTUNREACH" : "ECONNREFUSED" });
    });
    expect(dialled).toEqual({ ok: false, failure: { kind: "unreachable", detail: "no route to the host" } });
    expect(tried).toEqual(addresses.slice(0, 8));
  });

  test("after ten seconds it is over", async () => {
    jest.useFakeTimers();
    let isOver = false;
    const dialled = connect(["192.0.2.1"], 1, () => new Promise(() => {})).finally(() => {
      isOver = true;
    });
    jest.advanceTimersByTime(9_999);
    await Promise.resolve();
    expect(isOver).toBe(false);
    jest.advanceTimersByTime(1);
    expect(await dialled).toEqual({ ok: false, failure: { kind: "unreachable", detail: "timed out" } });
  });

  test("connections that are being opened are bounded", async () => {
    const pending: ((error: Error) => void)[] = [];
    const hang = () => new Promise<Wire>((_, reject) => pending.push(reject));
    const dials = Array.from({ length: 600 }, () => connect(["192.0.2.1"], 1, hang));
    const refused = await Promise.race(dials);
    expect(refused).toMatchObject({ failure: { detail: "too many connections are being opened" } });
    for (const reject of pending) reject(new Error("over"));
    const failures = (await Promise.all(dials)).filter((dialled) => !dialled.ok && "detail" in dialled.failure);
    expect(failures.length).toBe(600);
    expect(pending.length).toBeLessThan(600);
  });
});

const hasIpv6 = Object.values(os.networkInterfaces()).some((list) => list?.some(({ address }) => address === "::1"));

describe("the host's own loopback", () => {
  test("IPv4", async () => {
    const { port } = await startServer();
    expect(await dialLoopback(port)).toMatchObject({ ok: true, address: "127.0.0.1" });
  });

  test.if(hasIpv6)("a service that only listens on IPv6", async () => {
    const { port } = await startServer("::1");
    expect(await dialLoopback(port)).toMatchObject({ ok: true, address: "::1" });
  });
});

describe("the resolver", () => {
  /** Lets everything go on that waits for nothing outside. */
  const turns = async () => {
    for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
  };
  const hanging = () => new Promise<string[]>(() => {});
  /** Answers for one backend; the other is silent. */
  const only = (backend: string, answer: () => Promise<string[]>): { look: Lookup; asked: string[] } => {
    const asked: string[] = [];
    return {
      asked,
      look: (name, by) => {
        if (by !== backend) return hanging();
        asked.push(name);
        return answer();
      },
    };
  };

  test("the host's own file counts, and what does not exist has no address", async () => {
    expect(await resolveHost("localhost")).toContain("127.0.0.1");
    expect(await createResolver(only("system", () => Promise.reject(new Error("none"))).look)("none.test")).toEqual([]);
  });

  test("queries for one name are joined while they run, and no answer is kept", async () => {
    let count = 0;
    const answer = async () => {
      count += 1;
      return [`192.0.2.${count}`];
    };
    const resolve = createResolver(only("system", answer).look);
    expect(await Promise.all([resolve("a.test"), resolve("a.test")])).toEqual([["192.0.2.1"], ["192.0.2.1"]]);
    expect(await resolve("a.test")).toEqual(["192.0.2.2"]);
  });

  test("a silent getaddrinfo is overtaken, but only by an address", async () => {
    jest.useFakeTimers();
    const fast = createResolver(only("c-ares", async () => ["192.0.2.1"]).look)("a.test");
    await turns();
    jest.advanceTimersByTime(300);
    expect(await fast).toEqual(["192.0.2.1"]);
    let isOver = false;
    const empty = createResolver(only("c-ares", () => Promise.reject(new Error("none"))).look)("b.test").finally(() => {
      isOver = true;
    });
    await turns();
    jest.advanceTimersByTime(4_999);
    await turns();
    expect(isOver).toBe(false);
    jest.advanceTimersByTime(1);
    expect(await empty).toEqual([]);
  });

  test("64 names at a time, 1000 wait, the rest have no address at once; all are over after five seconds", async () => {
    jest.useFakeTimers();
    const { look, asked } = only("c-ares", hanging);
    const resolve = createResolver(look);
    const over: string[] = [];
    const names = Array.from({ length: 1_100 }, (_, index) => `n${index}.test`);
    const answers = names.map((name) => resolve(name).finally(() => over.push(name)));
    await turns();
    expect(over.length).toBe(36);
    jest.advanceTimersByTime(300);
    expect(asked.length).toBe(64);
    jest.advanceTimersByTime(4_700);
    expect((await Promise.all(answers)).flat()).toEqual([]);
    // None of those that waited is asked for any more.
    await turns();
    jest.advanceTimersByTime(5_000);
    expect(asked.length).toBe(64);
    expect(createResolver(only("system", async () => ["192.0.2.1"]).look)("later.test")).resolves.toEqual([
      "192.0.2.1",
    ]);
  });

  test("getaddrinfo never takes every thread of the runtime", async () => {
    const { look, asked } = only("system", hanging);
    const resolve = createResolver(look);
    for (let index = 0; index < 64; index += 1) resolve(`n${index}.test`);
    await Bun.sleep(1);
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.length).toBeLessThanOrEqual(Math.max(1, navigator.hardwareConcurrency - 1));
  });
});
