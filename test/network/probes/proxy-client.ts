import { describeReached, dial, request, type Talk } from "./talk.ts";

/** The proxy inside, where `HTTP_PROXY` says. */
export const proxy = { address: "127.66.0.1", port: 1066 };
export type ProxyPlace = typeof proxy;

/** A proxy's answer; `status` is 0 when it only hung up. */
export interface Tunnel {
  status: number;
  talk: Talk | undefined;
}

/** Asks with exactly this first line; the Host field is the allowed one, so that only the target can be wrong. */
export const connectLine = async (line: string, fields = "", { address, port } = proxy): Promise<Tunnel> => {
  const talk = await dial(address, port);
  talk?.write(`${line}\r\nHost: allowed.test\r\n${fields}\r\n`);
  const heard = (await talk?.hear(/\r\n\r\n/)) ?? "";
  talk?.forget();
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(heard)?.[1] ?? 0), talk };
};

export const connect = (authority: string, place?: ProxyPlace): Promise<Tunnel> =>
  connectLine(`CONNECT ${authority} HTTP/1.1`, "", place);

const isGood = (status: number): boolean => status >= 200 && status < 300;

/** A tunnel that should have been refused, as a line, or undefined. */
export const tryConnect = async (authority: string, place?: ProxyPlace): Promise<string | undefined> => {
  const { status, talk } = await connect(authority, place);
  talk?.close();
  return isGood(status) ? `CONNECT ${JSON.stringify(authority).slice(0, 120)} was granted` : undefined;
};

/** The same for a request with an absolute target. */
export const tryAbsolute = async (authority: string, place: ProxyPlace = proxy): Promise<string | undefined> => {
  const talk = await dial(place.address, place.port);
  talk?.write(request("allowed.test", "", `http://${authority}/`));
  const heard = (await talk?.hear(/reached \S+\n/)) ?? "";
  talk?.close();
  return describeReached(`GET http://${authority}/`, heard);
};

export const socksName = (name: string | Uint8Array): Uint8Array => {
  const bytes = typeof name === "string" ? Buffer.from(name, "latin1") : name;
  return Uint8Array.of(3, bytes.length, ...bytes);
};
export const socksIpv4 = (address: string): Uint8Array => Uint8Array.of(1, ...address.split(".").map(Number));

type SocksOptions = { port?: number; command?: number; methods?: number[]; place?: ProxyPlace };

/** Its reply code as `status`: 0 is success, -1 means that it hung up. */
export const socks = async (address: Uint8Array, options: SocksOptions = {}): Promise<Tunnel> => {
  const { port = 80, command = 1, methods = [0], place = proxy } = options;
  const talk = await dial(place.address, place.port);
  talk?.write(Uint8Array.of(5, methods.length, ...methods));
  const greeted = (await talk?.hear(/^[\s\S]{2}/)) ?? "";
  if (!talk || greeted.charCodeAt(1) !== 0) return { status: -1, talk };
  talk.forget();
  talk.write(Uint8Array.of(5, command, 0, ...address, port >> 8, port & 255));
  const reply = await talk.hear(/^[\s\S]{10}/);
  talk.forget();
  return { status: reply.length < 2 ? -1 : reply.charCodeAt(1), talk };
};

export const trySocks = async (what: string, address: Uint8Array, options?: SocksOptions) => {
  const { status, talk } = await socks(address, options);
  talk?.close();
  return status === 0 ? `SOCKS to ${JSON.stringify(what).slice(0, 120)} was granted` : undefined;
};

/** All three ways of the proxy to one host. */
export const tryEveryWay = (host: string, port = 80, place?: ProxyPlace): Promise<string | undefined>[] => [
  tryConnect(`${host}:${port}`, place),
  tryAbsolute(port === 80 ? host : `${host}:${port}`, place),
  trySocks(host, socksName(host.replace(/^\[(.*)\]$/, "$1").slice(0, 255)), { port, ...(place && { place }) }),
];
