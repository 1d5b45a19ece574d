import { describe, expect, test } from "bun:test";
import { busyMs, createWaiting, leastIntervalMs, presentMs, quietMs } from "../../src/notify/waiting.ts";

/** A clock that only this test moves. */
const createDesk = () => {
  let now = 1_000_000;
  const told: string[] = [];
  const waiting = createWaiting(
    () => now,
    (by) => told.push(by),
  );
  const wait = (ms: number) => {
    for (const end = now + ms; now < end; now = Math.min(end, now + 500)) waiting.look();
    waiting.look();
  };
  /** Draws twice a second, as a spinner does. */
  const work = (ms: number) => {
    for (const end = now + ms; now < end; ) {
      waiting.shown();
      wait(500);
    }
  };
  return { waiting, told, wait, work };
};

describe("an agent that says nothing itself", () => {
  test("waits when it has worked and then shows nothing, once", () => {
    const { told, wait, work } = createDesk();
    work(busyMs * 3);
    wait(quietMs - 1000);
    expect(told).toEqual([]);
    wait(2000);
    expect(told).toEqual(["silence"]);
    wait(quietMs * 10);
    expect(told).toEqual(["silence"]);
  });

  test("does not wait at its start, nor while a person types", () => {
    const { told, wait, work, waiting } = createDesk();
    work(2000);
    wait(quietMs * 2);
    for (let count = 0; count < 100; count++) {
      waiting.typed();
      waiting.shown();
      wait(1000);
    }
    wait(quietMs * 2);
    expect(told).toEqual([]);
  });

  test("two drawings far from each other are no work", () => {
    const { told, wait, waiting } = createDesk();
    for (let count = 0; count < 5; count++) {
      waiting.shown();
      wait(quietMs * 2);
    }
    expect(told).toEqual([]);
  });

  test("waits again after a key and more work", () => {
    const { told, wait, work, waiting } = createDesk();
    work(busyMs * 2);
    wait(quietMs * 2);
    waiting.typed();
    work(busyMs * 2);
    wait(quietMs * 2);
    expect(told).toEqual(["silence", "silence"]);
  });
});

describe("an agent that calls", () => {
  test("is heard at once, and once until something happens", () => {
    const { told, wait, waiting } = createDesk();
    for (let count = 0; count < 100; count++) {
      waiting.called("bell");
      wait(1000);
    }
    expect(told).toEqual(["bell"]);
    waiting.typed();
    waiting.called("notification");
    expect(told).toEqual(["bell"]);
    wait(presentMs);
    waiting.called("notification");
    expect(told).toEqual(["bell", "notification"]);
  });

  test("is not told a second time when silence follows", () => {
    const { told, wait, work, waiting } = createDesk();
    work(busyMs * 2);
    waiting.called("notification");
    wait(quietMs * 2);
    expect(told).toEqual(["notification"]);
  });

  test("cannot flood, whatever it draws and whatever the terminal takes for keys", () => {
    const { told, wait, waiting } = createDesk();
    const steps = 1000;
    const stepMs = presentMs + 100;
    for (let count = 0; count < steps; count++) {
      waiting.typed();
      waiting.shown();
      wait(stepMs);
      waiting.called("bell");
    }
    expect(told.length).toBeGreaterThan(1);
    expect(told.length).toBeLessThanOrEqual(Math.ceil((steps * stepMs) / leastIntervalMs) + 1);
  });
});
