import { ptr } from "bun:ffi";
import fs from "node:fs";
import { lazyLibc } from "../libc.ts";
import type { Answer, PublishRequest } from "../run/control.ts";
import type { Audit } from "./audit.ts";
import type { Doors } from "./doors.ts";
import type { Egress, Notify } from "./egress.ts";
import type { SandboxNetwork } from "./namespace.ts";
import { relay } from "./relay.ts";
import { createLink, receiving, type Wire, wireHandlers } from "./wire.ts";

/** Offers ports inside on the host's loopback, and tells of those that begin to listen. */
export type Publisher = { publish(request: Omit<PublishRequest, "verb">): Promise<Answer>; close(): void };

const watchMs = 1_000;
const hostLoopback = "127.0.0.1";
const mostPublished = 100;

export const createPublisher = (
  network: SandboxNetwork,
  pid: number,
  doors: Doors,
  audit: Audit,
  egress: Egress,
  notify: Notify,
): Publisher => {
  const published = new Map<number, { port: number; stop(closeActive?: boolean): void }>();

  const publish: Publisher["publish"] = async ({ inside, outside }) => {
    const known = published.get(inside);
    if (known && (outside === undefined || outside === known.port)) return { ok: true, address: addressOf(known.port) };
    if (published.size >= mostPublished) return { ok: false, problem: `${mostPublished} ports are published already` };
    const listener = listenOutside(outside ?? inside, outside === undefined, (wire) => void lead(wire, inside));
    if (!listener) return { ok: false, problem: `port ${outside ?? inside} of this machine is taken` };
    known?.stop();
    published.set(inside, listener);
    audit.record({ event: "rule", host: "localhost", port: inside, via: "publish", reason: addressOf(listener.port) });
    return { ok: true, address: addressOf(listener.port) };
  };

  const lead = async (client: Wire, port: number): Promise<void> => {
    const server = await connectInside(network, port);
    if (!server) return client.terminate();
    const where = { host: "localhost", port, via: "publish" } as const;
    relay(client, server, { onClose: ({ up, down }) => audit.record({ event: "allowed", ...where, up, down }) });
  };

  const seen = new Set<number>();
  const watch = async (): Promise<void> => {
    for (const port of listeningPorts(pid)) {
      if (doors.isOpen(port) || seen.has(port) || seen.size >= mostPublished) continue;
      seen.add(port);
      if (published.has(port)) continue;
      if (!egress.publishAll) notify(`port ${port} listens inside; reach it with: cordon publish ${port}`, "port");
      else {
        const { address, problem } = await publish({ inside: port });
        notify(address ? `port ${port} inside is at ${address}` : `port ${port} is not published: ${problem}`, "port");
      }
    }
  };
  const timer = egress.publishAll || egress.announce ? setInterval(watch, watchMs).unref() : undefined;

  for (const { inside, outside } of egress.publish)
    void publish({ inside, outside }).then(({ problem }) => {
      if (problem) notify(`port ${inside} is not published: ${problem}`);
    });
  return {
    publish,
    close() {
      clearInterval(timer);
      for (const listener of published.values()) listener.stop(true);
    },
  };
};

const addressOf = (port: number): string => `${hostLoopback}:${port}`;

/** On the host's loopback alone. Another port where the wanted one is taken and nobody insists. */
const listenOutside = (port: number, mayDiffer: boolean, arrive: (wire: Wire) => void) => {
  for (const candidate of mayDiffer ? [port, 0] : [port]) {
    try {
      return Bun.listen({ hostname: hostLoopback, port: candidate, ...receiving(arrive) });
    } catch {}
  }
  return undefined;
};

/** A connection to a port of the sandbox's own loopback, of whichever family the service uses. */
const connectInside = async (network: SandboxNetwork, port: number): Promise<Wire | undefined> => {
  for (const address of ["127.0.0.1", "::1"]) {
    const [fd = -1] = network.open([{ kind: "connection", address, port }]);
    if (fd < 0) continue;
    if (isRefused(fd)) {
      fs.closeSync(fd);
      continue;
    }
    try {
      // Not in the types of Bun 1.4: a connection that exists already.
      const options = { fd, allowHalfOpen: true, data: createLink(), socket: wireHandlers };
      return (await Bun.connect(options as never)) as unknown as Wire;
    } catch {}
  }
  return undefined;
};

const SOL_SOCKET = 1;
const SO_ERROR = 4;

const libc = lazyLibc({ getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" } });

/** On loopback the answer is there at once, though connect(2) of a socket that does not block has said EINPROGRESS. */
const isRefused = (fd: number): boolean => {
  const error = new Int32Array(1);
  return libc().getsockopt(fd, SOL_SOCKET, SO_ERROR, ptr(error), ptr(new Int32Array([4]))) !== 0 || error[0] !== 0;
};

const LISTEN = "0A";
const loopbackOrAny = /^(00000000|0100007F|0{32}|0{24}01000000):/;

/** Ports on which something inside waits at its loopback (proc(5), /proc/PID/net/tcp). */
const listeningPorts = (pid: number): number[] => {
  const rows = ["tcp", "tcp6"].flatMap((table) => readRows(`/proc/${pid}/net/${table}`));
  const waiting = rows.filter(([, local = "", , state]) => state === LISTEN && loopbackOrAny.test(local));
  return [...new Set(waiting.map(([, local]) => Number.parseInt(local!.split(":")[1]!, 16)))];
};

const readRows = (file: string): string[][] => {
  try {
    const rows = fs.readFileSync(file, "utf8").split("\n").slice(1);
    return rows.map((row) => row.trim().split(/\s+/));
  } catch {
    return [];
  }
};
