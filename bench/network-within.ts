import { copyFileSync } from "node:fs";
import { join } from "node:path";
import type { Authority } from "../test/network/servers/authority.ts";
import { compareRounds, interleave, type Row, type Skipped, summarise } from "./measure.ts";
import { mostResidentMb, sampleOf, settledMs } from "./memory.ts";
import { measureInterception, token } from "./network-tls.ts";
import { type Clients, measureLatency, measureThroughput } from "./network-traffic.ts";
import type { Peer } from "./peer.ts";
import { bareSandbox } from "./startup.ts";
import { startWorker } from "./worker.ts";
import { timeMs, type World } from "./world.ts";

const area = "network";
const python = "/usr/bin/python3";
const clientFile = "network-client.py";
/** Where `allowed.test` is in test/network/world.sh. */
const address = "11.1.1.1";
const server = [python, join(import.meta.dirname, "network-server.py"), address, "9000", "80", "443"];

const startPlan = { rounds: 40, warmUp: 3 };
const peerStartPlan = { rounds: 10, warmUp: 1 };
const mostOverBareMs = 35;
const mostOfPeerStart = 0.2;
const memoryRounds = 3;

type Given = {
  cordon: string;
  world: Pick<World, "root" | "project" | "env">;
  peer: Peer | Skipping;
  authority: Authority;
};
type Skipping = { name: string; skipped: string };

const measureAll = async ({ cordon, world, peer, authority }: Given): Promise<(Row | Skipped)[]> => {
  copyFileSync(join(import.meta.dirname, clientFile), join(world.project, clientFile));
  const serving = Bun.spawn([...server, authority.cert, authority.key, token], { stdio: ["pipe", "pipe", "inherit"] });
  await serving.stdout.getReader().read();
  const allowed = ["allowed.test", "allowed.test:9000"].flatMap((host) => ["--allow-host", host]);
  const run = [cordon, "--net", "filtered", ...allowed, "run", "--"];
  const client = [python, clientFile];
  const clients: Clients = {
    direct: startWorker(client, world),
    ours: startWorker([...run, ...client], world),
    proxied: startWorker([...run, ...client, "proxy"], world),
    ...(!("skipped" in peer) && {
      peer: startWorker([...peer.argv, ...client, "proxy"], { project: world.project, env: peer.env }),
    }),
  };
  const rows: (Row | Skipped)[] = [
    ...(await measureThroughput(clients, peer.name)),
    ...(await measureLatency(clients, peer.name)),
  ];
  for (const worker of Object.values(clients)) await worker.finish();
  const asked = "skipped" in peer ? undefined : peer;
  rows.push(...(await measureInterception(cordon, client, world, asked, authority)));
  rows.push(measureStart([...run, "true"], world), ...(await measureMemory([...run, ...client], cordon, world)));
  serving.kill();
  if ("skipped" in peer) return [...rows, { area, name: `beside ${peer.name}`, skipped: peer.skipped }];
  return [...rows, measureStartOfPeer([...run, "true"], peer, world)];
};

const measureStart = (run: string[], world: Given["world"]): Row => {
  timeMs(run, world); // makes the directories that bare bubblewrap is told to mount, too
  const bare = bareSandbox(run, world);
  const samples = interleave({ cordon: () => timeMs(run, world), bare: () => timeMs(bare.argv, bare) }, startPlan);
  return {
    ...{ area, name: "run -- true, filtered", unit: "ms", measured: summarise(samples.cordon) },
    beside: { name: "bare bwrap", measured: summarise(samples.bare) },
    comparison: compareRounds("difference", samples.cordon, samples.bare),
    target: { atMost: mostOverBareMs },
  };
};

const measureStartOfPeer = (run: string[], { name, argv, env }: Peer, world: Given["world"]): Row => {
  const there = { project: world.project, env };
  const cases = { cordon: () => timeMs(run, world), peer: () => timeMs([...argv, "true"], there) };
  const samples = interleave(cases, peerStartPlan);
  return {
    ...{ area, name: "run -- true, filtered", unit: "ms", measured: summarise(samples.cordon) },
    beside: { name, measured: summarise(samples.peer) },
    comparison: compareRounds("ratio", samples.cordon, samples.peer),
    target: { atMost: mostOfPeerStart },
  };
};

const measureMemory = async (run: string[], cordon: string, world: Given["world"]): Promise<Row[]> => {
  const idle: number[] = [];
  const busy: number[] = [];
  const quiet: number[] = [];
  for (let round = 0; round < memoryRounds; round++) {
    const worker = startWorker(run, world);
    await Bun.sleep(settledMs);
    idle.push(sampleOf(worker.pid, cordon).residentMb);
    await worker.take("down allowed.test 9000 1000000000");
    busy.push(sampleOf(worker.pid, cordon).residentMb);
    await Bun.sleep(2 * settledMs);
    quiet.push(sampleOf(worker.pid, cordon).residentMb);
    await worker.finish();
  }
  const row = (name: string, taken: number[]): Row => ({ area, name, unit: "MB", measured: summarise(taken) });
  const target = { atMost: mostResidentMb };
  return [
    { ...row("resident, idle", idle), target },
    row("resident, at the end of 1 GB", busy),
    { ...row("resident, two seconds later", quiet), target },
  ];
};

process.stdout.write(JSON.stringify(await measureAll(JSON.parse(process.argv[2]!) as Given)));
