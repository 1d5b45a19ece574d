import type { Authority } from "../test/network/servers/authority.ts";
import type { Row, Skipped } from "./measure.ts";
import { h2Host, measureH2 } from "./network-h2.ts";
import { rowsOf, takeTurns } from "./network-traffic.ts";
import type { Peer } from "./peer.ts";
import { startWorker, type Worker } from "./worker.ts";
import { capture, type World, withConfig } from "./world.ts";

const area = "network";
const host = "allowed.test";
const bytes = 1_000_000_000;
const throughputPlan = { warmUp: 1, rounds: 5 };
const latencyPlan = { warmUp: 3, rounds: 15 };
const leastOfDirect = 0.3;
const leastOfPeer = 2;
/** Two handshakes stand in the place of one, and a second connection in the way. */
const mostAddedMs = 5;

/** What the server asks for. Inside cordon's sandbox a placeholder stands for it. */
export const token = "bench-4fa1c02b7d9e4c35a86e1f0d2b739c58";
const service = `[services.bench]
hosts = ["${host}", "${h2Host}"]
variable = "BENCH_TOKEN"
variable-inside = "BENCH_TOKEN"
`;

type Place = Pick<World, "root" | "project" | "env">;
type Clients = { direct: Worker; ours: Worker; peer?: Worker };

/** The same requests over TLS, straight to the server, and looked into on the way by cordon and by a peer. */
export const measureInterception = async (
  cordon: string,
  client: string[],
  { root, project, env }: Place,
  peer: Peer | undefined,
  authority: Authority,
): Promise<(Row | Skipped)[]> => {
  // By these the client outside, cordon and the peer trust the server's authority.
  const trusting = { BENCH_TOKEN: token, SSL_CERT_FILE: authority.ca, NODE_EXTRA_CA_CERTS: authority.ca };
  const user = withConfig({ root, project, env: { ...env, ...trusting } }, service);
  const allowed = [host, h2Host].flatMap((name) => ["--allow-host", name]);
  const run = [cordon, "--net", "filtered", ...allowed, "run", "--"];
  if (capture([...run, "printenv", "BENCH_TOKEN"], user).includes(token)) throw new Error("the real token is inside");
  const clients: Clients = { direct: startWorker(client, user), ours: startWorker([...run, ...client], user) };
  const skipped = peer && (await addPeer(clients, client, peer, { project, env: { ...peer.env, ...trusting } }));
  await checkIssuers(clients);
  const rows = await measureClients(clients, peer?.name ?? "");
  for (const worker of Object.values(clients)) await worker.finish();
  return [...rows, await measureH2(run, user, authority, token), ...(skipped ? [skipped] : [])];
};

const addPeer = async (
  clients: Clients,
  client: string[],
  { name, lookingIn }: Peer,
  place: Pick<World, "project" | "env">,
): Promise<Skipped | undefined> => {
  const worker = startWorker([...lookingIn, ...client, "proxy"], place);
  try {
    await issuerFor(worker);
    clients.peer = worker;
    return undefined;
  } catch (cause) {
    return { area, name: `looked into, beside ${name}`, skipped: `it fails here: ${(cause as Error).message}` };
  }
};

const issuerFor = (worker: Worker): Promise<string> => worker.take(`issuer ${host} 443 1`);

/** What is not looked into shows the server's own certificate, and would be fast for nothing. */
const checkIssuers = async ({ direct, ...others }: Clients): Promise<void> => {
  const own = await issuerFor(direct);
  for (const [name, worker] of Object.entries(others)) {
    if ((await issuerFor(worker)) === own) throw new Error(`${name}: TLS is not looked into`);
  }
};

const measureClients = async (clients: Clients, peer: string): Promise<Row[]> => {
  const rows: Row[] = [];
  for (const [work, name] of [
    ["http", "1 GB down by HTTPS, looked into"],
    ["post", "1 GB up by HTTPS, looked into"],
  ] as const) {
    const samples = await takeTurns<keyof Clients>(clients, `${work} ${host} 443 ${bytes}`, throughputPlan);
    const row = rowsOf(samples, "MB/s", "ratio");
    rows.push(row(name, "ours", "direct", "outside", { atLeast: leastOfDirect }));
    if (clients.peer) rows.push(row(name, "ours", "peer", peer, { atLeast: leastOfPeer }));
  }
  const row = rowsOf(await takeTurns<keyof Clients>(clients, `get ${host} 443 1`, latencyPlan), "ms", "difference");
  const name = "GET on a new connection, looked into";
  rows.push(row(name, "ours", "direct", "outside", { atMost: mostAddedMs }));
  if (clients.peer) rows.push(row(name, "ours", "peer", peer));
  return rows;
};
