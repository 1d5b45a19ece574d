import type { Socket } from "bun";
import {
  type Arrival,
  allowedAddress,
  allowedPorts,
  flippingName,
  metadataDomain,
  sharedPort,
  steadyName,
  victims,
} from "./facts.ts";

/** Servers everywhere in the world, allowed and forbidden ones, that say who they are and write down who came. */
export interface FarSide {
  arrivals: Arrival[];
  /** Names that the name server was asked for. */
  queries: string[];
  isForbidden(arrival: Arrival): boolean;
  /** Forgets what was written down. */
  clear(): void;
  close(): void;
}

const mostText = 1024 * 1024;

const isForbidden = ({ place }: Arrival): boolean =>
  !allowedPorts.some((port) => place === placeOf(allowedAddress, port)) && place !== placeOf("127.0.0.1", sharedPort);

const placeOf = (address: string, port: number): string => `${address}:${port}`;

/** HTTP is answered when a head is there; everything else greets at once, so that what leaks through is noticed. */
const listen = (address: string, port: number, arrivals: Arrival[]) => {
  const place = placeOf(address, port);
  const body = `reached ${place}\n`;
  const answer = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const isHttp = port === 80;
  return Bun.listen<Arrival>({
    hostname: address,
    port,
    socket: {
      open(socket: Socket<Arrival>) {
        socket.data = { place, text: "" };
        arrivals.push(socket.data);
        if (!isHttp) socket.write(body);
      },
      data(socket, bytes) {
        const { data } = socket;
        if (data.text.length < mostText) data.text += bytes.toString("latin1");
        if (!isHttp) socket.write(`again ${place}\n`);
        else if (/\r\n\r\n|\n\n/.test(bytes.toString("latin1"))) {
          socket.write(answer);
          if (/^connection: close/im.test(data.text)) socket.end();
        }
      },
      error() {},
    },
  });
};

const publicAddress = [11, 1, 1, 1];
/** What the flipping name leads to, from question to question. */
const flips = [publicAddress, [127, 0, 0, 1], [10, 1, 2, 3], [169, 254, 169, 254]];
const TYPE_A = 1;

const addressOf = (name: string): number[] => {
  if (name.endsWith(metadataDomain)) return [169, 254, 169, 254];
  return name === steadyName ? publicAddress : [11, 1, 1, 2];
};

/** Answers for every name there is; only A records. */
const serveNames = async (queries: string[]) => {
  let flipped = 0;
  return await Bun.udpSocket({
    hostname: "11.1.1.53",
    port: 53,
    socket: {
      data(socket, query, port, address) {
        const { name, type, end } = readQuestion(query);
        queries.push(name);
        const isFlip = name === flippingName && type === TYPE_A;
        const found = isFlip ? flips[flipped++ % flips.length]! : addressOf(name);
        const record = type === TYPE_A ? [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...found] : [];
        const counts = [0, 1, 0, record.length > 0 ? 1 : 0, 0, 0, 0, 0];
        const head = [query[0]!, query[1]!, 0x81, 0x80, ...counts];
        socket.send(Buffer.from([...head, ...query.subarray(12, end), ...record]), port, address);
      },
      error() {},
    },
  });
};

const readQuestion = (query: Buffer): { name: string; type: number; end: number } => {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at++] ?? 0; length > 0; length = query[at++] ?? 0) {
    labels.push(query.toString("latin1", at, at + length));
    at += length;
  }
  return {
    name: labels.join(".").toLowerCase(),
    type: query.length > at + 1 ? query.readUInt16BE(at) : 0,
    end: at + 4,
  };
};

export const openFarSide = async (): Promise<FarSide> => {
  const arrivals: Arrival[] = [];
  const queries: string[] = [];
  const places = [
    ...victims,
    ...allowedPorts.map((port) => [allowedAddress, port] as const),
    ["127.0.0.1", sharedPort] as const,
  ];
  const listeners = places.map(([address, port]) => listen(address, port, arrivals));
  const names = await serveNames(queries);
  return {
    arrivals,
    queries,
    isForbidden,
    clear() {
      arrivals.length = 0;
      queries.length = 0;
    },
    close() {
      for (const listener of listeners) listener.stop(true);
      names.close();
    },
  };
};
