/** Asked for a name, gives its addresses; none when there is no such name or no answer in time. */
export type Resolve = (name: string) => Promise<string[]>;

type Backend = "system" | "c-ares";
/** The one look into the outside world, so that tests can replace it. */
export type Lookup = (name: string, backend: Backend) => Promise<string[]>;

const timeoutMs = 5_000;
const maxInFlight = 64;
const maxWaiting = 1_000;
// getaddrinfo blocks a thread of the runtime's one pool (as many as processors), for 10 s and more when the name
// server is silent, and every asynchronous file operation of the process needs that pool too: one thread stays free.
const maxThreads = Math.min(8, Math.max(1, navigator.hardwareConcurrency - 1));
/** How long getaddrinfo may take before the asynchronous client, which needs no thread, is asked as well. */
const headStartMs = 300;

const lookUp: Lookup = async (name, backend) => {
  const found = await Bun.dns.lookup(name, { backend, socketType: "tcp" });
  return found.map(({ address }) => address);
};

/**
 * Makes a resolver that asks as every program of the host does: getaddrinfo, so /etc/hosts, nsswitch.conf and search
 * domains count. Nothing is cached (neither here nor in `Bun.dns.lookup`); queries for one name at a time are joined.
 */
export const createResolver = (look: Lookup = lookUp): Resolve => {
  const running = new Map<string, Query>();
  const inFlight = createGate(maxInFlight, maxWaiting);
  const threads = createGate(maxThreads, maxInFlight);

  const run = async (query: Query): Promise<void> => {
    if (!(await inFlight.enter())) return query.answer([]);
    if (!query.over) {
      askSystem(query, look, threads);
      const second = setTimeout(askAlone, headStartMs, query, look);
      await query.answered;
      clearTimeout(second);
    }
    inFlight.leave();
  };

  return (name) => {
    const known = running.get(name);
    if (known) return known.answered;
    const query = createQuery(name, () => running.delete(name));
    running.set(name, query);
    run(query);
    return query.answered;
  };
};

/** One name that is asked for; the first answer counts, and after the time-out there is none. */
type Query = { name: string; answered: Promise<string[]>; over: boolean; answer(found: string[]): void };

const createQuery = (name: string, onOver: () => void): Query => {
  const { promise, resolve } = Promise.withResolvers<string[]>();
  const answer = (found: string[]): void => {
    if (query.over) return;
    query.over = true;
    clearTimeout(deadline);
    onOver();
    resolve(found);
  };
  const query: Query = { name, answered: promise, over: false, answer };
  const deadline = setTimeout(answer, timeoutMs, []);
  return query;
};

const askSystem = async (query: Query, look: Lookup, threads: Gate): Promise<void> => {
  if (!(await threads.enter())) return;
  if (!query.over) query.answer(await look(query.name, "system").catch(() => []));
  threads.leave();
};

/** Without a thread. That there is no such name, only getaddrinfo may say. */
const askAlone = async (query: Query, look: Lookup): Promise<void> => {
  const found = await look(query.name, "c-ares").catch(() => []);
  if (found.length > 0) query.answer(found);
};

type Gate = { enter(): Promise<boolean>; leave(): void };

/** Lets `max` in at a time; `maxWaiting` more may wait, all others are turned away. */
const createGate = (max: number, maxWaiting: number): Gate => {
  const waiting: (() => void)[] = [];
  let inside = 0;
  return {
    async enter() {
      if (inside < max) {
        inside += 1;
        return true;
      }
      if (waiting.length >= maxWaiting) return false;
      await new Promise<void>((admit) => waiting.push(admit));
      return true;
    },
    leave() {
      const next = waiting.shift();
      if (next) next();
      else inside -= 1;
    },
  };
};

/** The resolver of this process. */
export const resolveHost: Resolve = createResolver();
