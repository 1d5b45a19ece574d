import type { LiveCredential } from "./credential.ts";

/** A value that nothing renews. */
export const fixedCredential = (value: string): LiveCredential => ({
  value: () => value,
  freshen: () => undefined,
  reject: () => {},
  secrets: () => [value],
});

const rememberMs = 30_000;
/** A program inside can make a server refuse; asking may mean that a person is asked. */
const rejectedMs = 5 * 60_000;
/** Enough for everything that could still come back. */
const mostKnown = 100;

/**
 * A value that somebody has to be asked for: first when it is needed, then when `ttlMs` is over, at most every 30
 * seconds; or when the server did not take it, at most every five minutes.
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
    known.delete(answer);
    known.add(answer);
    if (known.size > mostKnown) known.delete(known.keys().next().value!);
  };
  return {
    value: () => value,
    freshen: () => {
      if (pending) return pending;
      // The absolute value: a clock that was set back must not make an old answer young.
      const ageMs = Math.abs(now() - askedAtMs);
      const isDue = value === undefined || ageMs >= ttlMs || (isRejected && ageMs >= rejectedMs);
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
