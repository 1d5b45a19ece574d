import type { Socket } from "bun";

/**
 * A proxy without rules at the address of the gateway's, that reads whatever it is sent as liberally as it can: what the
 * probes find where nobody looks. Names go to the system's resolver as they come, after the usual guesses.
 */
export const openNaiveProxy = (address: string, port: number): { close(): void } => {
  const listener = Bun.listen<Session>({
    hostname: address,
    port,
    socket: {
      open(client) {
        client.data = { held: new Uint8Array(), isGreeted: false, server: undefined, isBusy: false };
      },
      data(client, bytes) {
        const session = client.data;
        if (session.server) {
          session.server.write(bytes);
          return;
        }
        session.held = Buffer.concat([session.held, bytes]);
        if (!session.isBusy) void advance(client);
      },
      close: ({ data }) => void data.server?.end(),
      error() {},
    },
  });
  return { close: () => listener.stop(true) };
};

type Session = { held: Uint8Array; isGreeted: boolean; isBusy: boolean; server: Socket | undefined };

const advance = async (client: Socket<Session>): Promise<void> => {
  const session = client.data;
  if (session.held[0] === 5) return advanceSocks(client);
  const text = Buffer.from(session.held).toString("latin1");
  const end = text.search(/\r?\n\r?\n/);
  if (end < 0) return;
  session.isBusy = true;
  const [, method = "", target = ""] = /^\s*(\S+) (.*?)(?: HTTP\/\S+)?\r?\n/s.exec(text) ?? [];
  const isTunnel = method.toUpperCase() === "CONNECT";
  const authority = isTunnel ? target : /^http:\/\/([^/]*)/i.exec(target)?.[1];
  // A page of its own, as proxies with an administration have.
  if (authority === undefined) return void client.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  const server = await lead(client, hostOf(authority), portOf(authority, isTunnel ? 443 : 80));
  if (!server) return void client.end("HTTP/1.1 502 No\r\n\r\n");
  session.server = server;
  if (isTunnel) client.write("HTTP/1.1 200 OK\r\n\r\n");
  const rest = isTunnel ? session.held.subarray(end + 4) : session.held;
  if (rest.length > 0) server.write(rest);
};

const advanceSocks = async (client: Socket<Session>): Promise<void> => {
  const session = client.data;
  if (!session.isGreeted) {
    session.isGreeted = true;
    session.held = session.held.subarray(2 + session.held[1]!);
    client.write(Uint8Array.of(5, 0));
  }
  const [version, , , type, length = 0] = session.held;
  if (version !== 5 || session.held.length < 10) return;
  session.isBusy = true;
  const name =
    type === 1 ? session.held.subarray(4, 8).join(".") : Buffer.from(session.held).toString("latin1", 5, 5 + length);
  const at = type === 1 ? 8 : 5 + length;
  const port = type === 4 ? 80 : Buffer.from(session.held).readUInt16BE(at);
  const server = await lead(client, hostOf(name), port);
  client.write(Uint8Array.of(5, server ? 0 : 4, 0, 1, 0, 0, 0, 0, 0, 0));
  session.server = server;
};

const lead = async (client: Socket<Session>, hostname: string, port: number): Promise<Socket | undefined> => {
  const socket = {
    data: (_: Socket, bytes: Buffer) => void client.write(bytes),
    close: () => void client.end(),
    error: () => void client.end(),
  };
  try {
    return await Bun.connect({ hostname, port, socket });
  } catch {
    return undefined;
  }
};

/** The last word before anything that could end a host, with percent signs resolved. */
const hostOf = (authority: string): string => {
  const host = authority
    .replace(/%([0-9a-f]{2})/gi, (_, digits) => String.fromCharCode(Number.parseInt(digits, 16)))
    .replace(/^.*@/s, "")
    .replace(/[\0#?/\\\s;,][\s\S]*$/, "");
  return /^\[(.*?)\]/.exec(host)?.[1] ?? host.replace(/:.*$/, "");
};

const portOf = (authority: string, usual: number): number =>
  (Number.parseInt(/:\s*([0-9+-]+)[^:\]]*$/.exec(authority)?.[1] ?? "", 10) || usual) & 0xffff;
