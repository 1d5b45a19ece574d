import dns from "node:dns";
import fs from "node:fs";
import path from "node:path";
import tls from "node:tls";
import { createNetworkLab } from "./lab.ts";
import { type Authority, createAuthority } from "./servers/authority.ts";
import { type Answer, type Service, startService, type Upgrade } from "./servers/secure.ts";

export type SecureLab = ReturnType<typeof createSecureLab>;

export type ServeOptions = { port?: number; upgrade?: Upgrade; isPlain?: true; authority?: Authority };

/** A lab whose servers have certificates, by an authority that the user of this home trusts. */
export const createSecureLab = (uid = 0, extra: Record<string, string> = {}) => {
  const lab = createNetworkLab(uid, extra);
  const makeAuthority = (name: string): Authority => {
    const directory = path.join(lab.directory, name);
    fs.mkdirSync(directory);
    return createAuthority(directory, namesOfWorld());
  };
  const authority = makeAuthority("authority");
  Object.assign(lab.env, { NODE_EXTRA_CA_CERTS: authority.ca, SSL_CERT_FILE: authority.ca, ...extra });

  /** The same server under each of the names, with TLS unless it is plain; port 443 or 80 where none is named. */
  const serveTls = async (
    names: string | readonly string[],
    answer: Answer,
    { port, upgrade, isPlain, authority: other = authority }: ServeOptions = {},
  ): Promise<Service> => {
    const service = await startService({
      addresses: await Promise.all([names].flat().map(addressOf)),
      port: port ?? (isPlain ? 80 : 443),
      answer,
      ...(upgrade && { upgrade }),
      ...(!isPlain && { authority: other }),
    });
    lab.onClose(service.close);
    return service;
  };
  /**
   * Takes down what is said on each connection, and gives the same answer to every chunk as if it were one request of
   * HTTP/1.1. What `answer` gives is said byte for byte; a connection ends behind an answer that is to end it.
   */
  const serveRaw = async (name: string, answer = plainAnswer): Promise<{ heard: string[] }> => {
    const heard: string[] = [];
    const credentials = { cert: fs.readFileSync(authority.cert), key: fs.readFileSync(authority.key) };
    const server = tls.createServer({ ...credentials, ALPNProtocols: ["http/1.1"] }, (socket) => {
      const index = heard.push("") - 1;
      socket.on("data", (chunk) => {
        heard[index] += chunk.toString("latin1");
        const { text, ends } = answer(chunk.toString("latin1"));
        socket.write(Buffer.from(text, "latin1"));
        if (ends) socket.end();
      });
      socket.on("error", () => {});
      socket.on("end", () => socket.end());
      lab.onClose(() => socket.destroy());
    });
    const address = await addressOf(name);
    await new Promise<void>((resolve) => server.listen(443, address, resolve));
    lab.onClose(() => server.close());
    return { heard };
  };
  return { ...lab, authority, makeAuthority, serveTls, serveRaw };
};

const plainAnswer = (_said: string): { text: string; ends?: true } => ({
  text: "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi\n",
});

/** The names that world.sh has made. */
const namesOfWorld = (): string[] =>
  fs
    .readFileSync("/etc/hosts", "utf8")
    .split("\n")
    .filter((line) => line.startsWith("11."))
    .flatMap((line) => line.trim().split(/\s+/).slice(1));

const addressOf = async (name: string): Promise<string> => (await dns.promises.lookup(name)).address;
