import type { Watch } from "../terminal/watch.ts";

/** Silence means waiting only after this much work, so that neither a start nor a person's own typing counts. */
export const busyMs = 5000;
/** How long an agent must show nothing: all of them draw a clock or a spinner while they work. */
export const quietMs = 10_000;
/** A pause between two drawings that is longer than this ends one piece of work. */
const pauseMs = 3000;
/** Who has typed just now sees it without being told. */
export const presentMs = 2000;
/** Whatever a program inside does, nobody is told more often. */
export const leastIntervalMs = 10_000;

export type CalledBy = "bell" | "notification" | "silence";
export type Waiting = Watch & {
  /** To be called now and then; silence makes no call of its own. */
  look(): void;
};

/**
 * Finds out from a terminal when an agent waits for its person: it says so itself (BEL, a notification), or it has worked
 * for a while and then shows nothing more. Told once, and again only after a key or another piece of work. `nowMs` must
 * never go back.
 */
export const createWaiting = (nowMs: () => number, tell: (by: CalledBy) => void): Waiting => {
  let busySince: number | undefined;
  let lastShown = 0;
  let lastTold = Number.NEGATIVE_INFINITY;
  let lastTyped = Number.NEGATIVE_INFINITY;
  let isTold = false;

  const say = (by: CalledBy): void => {
    const now = nowMs();
    if (isTold || now - lastTold < leastIntervalMs || now - lastTyped < presentMs) return;
    isTold = true;
    lastTold = now;
    busySince = undefined;
    tell(by);
  };

  return {
    called: say,
    shown: () => {
      const now = nowMs();
      if (busySince === undefined || now - lastShown > pauseMs) busySince = now;
      lastShown = now;
      if (now - busySince >= busyMs) isTold = false;
    },
    typed: () => {
      lastTyped = nowMs();
      isTold = false;
      busySince = undefined;
    },
    look: () => {
      if (busySince !== undefined && lastShown - busySince >= busyMs && nowMs() - lastShown >= quietMs) say("silence");
    },
  };
};
