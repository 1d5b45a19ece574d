import type { LiveCredential } from "./credential.ts";
import type { Format, Login } from "./formats/format.ts";
import { parseObject } from "./formats/json-text.ts";
import type { Exchange } from "./oauth.ts";
import type { Store } from "./store.ts";

/** A login that a client keeps, renewed on the host before it expires. */
export type StoredCredential = LiveCredential & {
  /** Why the last renewal did not work. */
  failure(): string | undefined;
};

export type StoredRequest = {
  store: Store;
  format: Format;
  /** Which login of the store. */
  key: string;
  /** What was read of it at the start. */
  text: string;
  exchange: Exchange;
  /** Milliseconds since 1970, by the wall clock: it is what moves on while the machine sleeps. */
  now?: () => number;
};

type State = Required<StoredRequest> & {
  login: Login | undefined;
  stamp: string | undefined;
  failure: string | undefined;
  failedAtMs: number;
  renewedAtMs: number;
  /** The refresh token that the server takes no more. */
  dead: string | undefined;
  rejected: Set<string>;
  secrets: Set<string>;
  pending: Promise<void> | undefined;
};

const earlyMs = 5 * 60 * 1000;
const rememberMs = 30_000;
const never = Number.NEGATIVE_INFINITY;

/**
 * The live value of one stored login. Whoever renewed it (another run, the plain client, a new sign-in) is noticed by
 * the store's stamp. One renewal at a time in this process, and by the store's lock on this machine.
 */
export const createStored = (request: StoredRequest): StoredCredential => {
  const state: State = {
    ...{ now: Date.now, login: undefined, stamp: request.store.stamp(), dead: undefined, pending: undefined },
    ...{ failure: undefined, failedAtMs: never, renewedAtMs: never, rejected: new Set(), secrets: new Set() },
    ...request,
  };
  adopt(state, request.text);
  return {
    value: () => {
      const { access = "", expiresAtMs } = state.login?.tokens ?? {};
      return access === "" || (expiresAtMs !== undefined && expiresAtMs <= state.now()) ? undefined : access;
    },
    freshen: () => {
      if (!state.pending && (state.stamp !== state.store.stamp() || (isDue(state) && isWorthwhile(state))))
        state.pending = renew(state).finally(() => {
          state.pending = undefined;
        });
      return state.pending;
    },
    reject: (value) => {
      // A program inside can be refused whenever it likes; that must not make cordon renew again and again.
      const isFresh = Math.abs(state.now() - state.renewedAtMs) < earlyMs;
      if (!isFresh && value === state.login?.tokens.access) state.rejected.add(value);
    },
    secrets: () => [...state.secrets],
    failure: () => state.failure,
  };
};

const adopt = (state: State, text: string | undefined): void => {
  state.login = text === undefined ? undefined : state.format.read(text).find(({ key }) => key === state.key);
  const { access, refresh } = state.login?.tokens ?? {};
  for (const secret of [access, refresh]) if (secret) state.secrets.add(secret);
};

const isDue = ({ login, rejected, now }: State): boolean => {
  if (!login) return false;
  const { access, expiresAtMs } = login.tokens;
  return rejected.has(access) || (expiresAtMs !== undefined && expiresAtMs - earlyMs <= now());
};

/** Not right after a failure, and not without a token to renew with: then the store has to change first, if it can tell. */
const isWorthwhile = ({ login, format, stamp, dead, failedAtMs, now }: State): boolean => {
  // A clock that was set back must not keep it from trying.
  if (Math.abs(now() - failedAtMs) < rememberMs) return false;
  return stamp === undefined || (login !== undefined && canRenew(login, format, dead));
};

const canRenew = (login: Login, format: Format, dead: string | undefined): boolean =>
  format.renewal(login) !== undefined && login.tokens.refresh !== dead;

const renew = async (state: State): Promise<void> => {
  try {
    await reload(state);
    if (isDue(state)) await state.store.exclude(() => renewAlone(state));
  } catch (cause) {
    fail(state, (cause as Error).message);
  }
};

/**
 * The store's text, taken over. A client that writes its file in place may be met in the middle of it: then the old login
 * stays, and the file is read again the next time.
 */
const reload = async (state: State): Promise<string | undefined> => {
  state.stamp = state.store.stamp();
  const text = await state.store.read();
  if (text !== undefined && parseObject(text) === undefined) {
    state.stamp = "torn";
    return undefined;
  }
  adopt(state, text);
  return text;
};

/** Holds the lock. Somebody else may have renewed it while this process waited. */
const renewAlone = async (state: State): Promise<void> => {
  const { store, format, exchange, now } = state;
  const text = await reload(state);
  const { login } = state;
  if (text === undefined || !login || !isDue(state)) return;
  const request = format.renewal(login);
  if (!request || !canRenew(login, format, state.dead)) return fail(state, state.failure ?? "it cannot be renewed");
  const replacement = await store.prepare();
  const answer = await exchange(request);
  const renewed = answer.ok ? format.renewed(text, login, answer.body, now()) : undefined;
  if (renewed === undefined) {
    replacement.discard();
    if (!answer.ok && answer.isFinal) state.dead = login.tokens.refresh;
    return fail(state, answer.ok ? "the server's answer holds no token" : answer.reason);
  }
  // In use even if it cannot be kept: the old one is spent.
  adopt(state, renewed);
  state.failure = undefined;
  state.renewedAtMs = now();
  await replacement.commit(renewed);
  state.stamp = store.stamp();
};

const fail = (state: State, reason: string): void => {
  state.failure = reason;
  state.failedAtMs = state.now();
};
