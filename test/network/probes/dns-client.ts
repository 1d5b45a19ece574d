import { dial } from "./talk.ts";

export const resolver = "127.0.0.53";

export const dnsTypes = { a: 1, ns: 2, cname: 5, null: 10, mx: 15, txt: 16, aaaa: 28, any: 255 };

/** A query as its bytes; labels are one character a byte and may hold anything. */
export const dnsQuery = (labels: readonly string[], type = dnsTypes.a, id = 7): Buffer =>
  Buffer.concat([
    Buffer.from([id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
    ...labels.map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label, "latin1")])),
    Buffer.from([0, type >> 8, type & 255, 0, 1]),
  ]);

/** What a name server said: its code, and the address at the end of an answer that has one. */
export interface DnsAnswer {
  code: number;
  address?: string;
}

export const readAnswer = (message: Uint8Array): DnsAnswer => ({
  code: message[3]! & 15,
  ...(message[7]! > 0 && { address: message.subarray(-4).join(".") }),
});

const quietMs = 3_000;

/** Asks by datagram; undefined when nothing comes back. */
export const askDatagram = async (server: string, query: Uint8Array, port = 53): Promise<DnsAnswer | undefined> => {
  const { promise, resolve } = Promise.withResolvers<DnsAnswer | undefined>();
  const socket = await Bun.udpSocket({
    socket: { data: (_, message) => resolve(readAnswer(message)), error: () => resolve(undefined) },
  });
  try {
    if (!socket.send(query, port, server)) resolve(undefined);
    const timer = setTimeout(resolve, quietMs, undefined);
    const answer = await promise;
    clearTimeout(timer);
    return answer;
  } catch {
    return undefined;
  } finally {
    socket.close();
  }
};

/** Asks over TCP. */
export const askStream = async (server: string, query: Uint8Array): Promise<DnsAnswer | undefined> => {
  const talk = await dial(server, 53);
  if (!talk) return undefined;
  talk.write(Buffer.concat([Buffer.from([query.length >> 8, query.length & 255]), query]));
  const heard = Buffer.from(await talk.hear(/^[\s\S]{14}/), "latin1");
  talk.close();
  return heard.length >= 14 ? readAnswer(heard.subarray(2)) : undefined;
};
