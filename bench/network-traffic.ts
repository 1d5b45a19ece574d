import { type Comparison, compareRounds, type Row, summarise, type Target } from "./measure.ts";
import type { Worker } from "./worker.ts";

/** The same client in four places: outside, in cordon's sandbox with and without its proxy, and with a peer's proxy. */
export type Clients = { direct: Worker; ours: Worker; proxied: Worker; peer?: Worker };

const area = "network";
const bytes = 1_000_000_000;
const raw = "allowed.test 9000";
const web = "allowed.test 80";
const webWork = `http ${web}`;
const leastOfDirect = 0.4;
const leastOfPeer = 2;
const mostAddedMs = 1;

export const measureThroughput = async (clients: Clients, peer: string): Promise<Row[]> => {
  const plan = { warmUp: 1, rounds: 5 };
  const rows: Row[] = [];
  for (const [work, name] of [
    [`down ${raw}`, "1 GB down"],
    [`up ${raw}`, "1 GB up"],
    [webWork, "1 GB down by HTTP"],
  ] as const) {
    // The peer's proxy does not need the same again for HTTP.
    const { peer: _, ...others } = clients;
    const samples = await takeTurns<keyof Clients>(work === webWork ? others : clients, `${work} ${bytes}`, plan);
    const row = rowsOf(samples, "MB/s", "ratio");
    rows.push(row(name, "ours", "direct", "outside", { atLeast: leastOfDirect }));
    if (!samples.peer) continue;
    rows.push(row(name, "ours", "peer", peer, { atLeast: leastOfPeer }));
    rows.push(row(`${name}, by CONNECT`, "proxied", "peer", peer, { atLeast: leastOfPeer }));
  }
  return rows;
};

export const measureLatency = async (clients: Clients, peer: string): Promise<Row[]> => {
  const plan = { warmUp: 3, rounds: 15 };
  const rows: Row[] = [];
  for (const [work, name] of [
    [`echo ${raw}`, "a byte there and back"],
    [`get ${web}`, "GET on a new connection"],
  ] as const) {
    const samples = await takeTurns<keyof Clients>(clients, `${work} 1`, plan);
    const row = rowsOf(samples, "ms", "difference");
    rows.push(row(name, "ours", "direct", "outside", { atMost: mostAddedMs }));
    if (clients.peer) rows.push(row(`${name}, by CONNECT`, "proxied", "peer", peer));
  }
  return rows;
};

/** All take the same turn one after the other. */
export const takeTurns = async <Name extends string>(
  clients: Partial<Record<Name, Worker>>,
  request: string,
  { warmUp, rounds }: { warmUp: number; rounds: number },
): Promise<Samples<Name>> => {
  const all = Object.entries(clients) as [Name, Worker][];
  const samples = Object.fromEntries(all.map(([name]) => [name, [] as number[]])) as Samples<Name>;
  for (let round = -warmUp; round < rounds; round++) {
    for (const [name, worker] of all) {
      const answer = Number(await worker.take(request));
      if (!(answer > 0)) throw new Error(`no number for ${request}`);
      if (round >= 0) samples[name].push(answer);
    }
  }
  return samples;
};

/** Of each client that took part. */
type Samples<Name extends string> = Record<Name, number[]>;

export const rowsOf =
  <Name extends string>(samples: Samples<Name>, unit: Row["unit"], kind: Comparison["kind"]) =>
  (name: string, measured: Name, beside: Name, label: string, target?: Target): Row => ({
    ...{ area, name, unit, measured: summarise(samples[measured]) },
    beside: { name: label, measured: summarise(samples[beside]) },
    comparison: compareRounds(kind, samples[measured], samples[beside]),
    ...(target && { target }),
  });
