import type { LiveCredential } from "./credential.ts";

/** A value that nothing renews. */
export const fixedCredential = (value: string): LiveCredential => ({
  value: () => value,
  freshen: () => undefined,
  reject: () => {},
  secrets: () => [value],
});

const rememberMs = 30_000;

/**
 * A value that somebody has to be asked for: first when it is needed, then when `ttlMs` is over or the server did not
 * take it, and at most every 30 seconds.
 */
export const askedCredential = (
  ask: () => Promise<string | undefined>,
  { ttlMs = Number.POSITIVE_INFINITY, now = Date.now }: { ttlMs?: number; now?: () => number } = {},
): LiveCredential => {
  const known = new Set<string>();
  let value: string | undefined;
  let askedAtMs = Number.NEGATIVE_INFINITY;
  let isRejected = false;
  let pending: Promise<void> | undefined;
  const renew = async (): Promise<void> => {
    const answer = await ask().catch(() => undefined);
    askedAtMs = now();
    if (answer === undefined) return;
    isRejected = false;
    value = answer;
    known.add(answer);
  };
  return {
    value: () => value,
    freshen: () => {
      if (pending) return pending;
      // The absolute value: a clock that was set back must not make an old answer young.
      const ageMs = Math.abs(now() - askedAtMs);
      const isDue = value === undefined || isRejected || ageMs >= ttlMs;
      if (!isDue || ageMs < Math.min(rememberMs, ttlMs)) return undefined;
      pending = renew().finally(() => {
        pending = undefined;
      });
      return pending;
    },
    reject: (rejected) => {
      if (rejected === value) isRejected = true;
    },
    secrets: () => [...known],
  };
};
