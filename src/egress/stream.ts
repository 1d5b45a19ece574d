import { answerHttp } from "./answer.ts";
import { type Checkpoint, cross, open, refuse, type Way } from "./checkpoint.ts";
import { readClientHello } from "./client-hello.ts";
import { isLiteral, type Target } from "./dialler.ts";
import { crossHttp } from "./http.ts";
import { createRequestReader } from "./http-request.ts";
import { isIntercepted } from "./intercept/needed.ts";
import { canonicalName, isLocalhost } from "./name.ts";
import { attach, detach, type Wire } from "./wire.ts";

/** Ports on which TLS begins with the first byte (IANA's service names), and the usual second ones. */
const tlsPorts = new Set([443, 465, 563, 636, 853, 989, 990, 992, 993, 994, 995, 5061, 6697, 8443]);
const httpPort = 80;

/** Who has not begun by then wants nothing. */
const greetingMs = 30_000;

/** A connection that was opened inside to an address that stands for a name. */
export const serve = async (checkpoint: Checkpoint, client: Wire, target: Target): Promise<void> => {
  const opened = await open(checkpoint, client, target, "tcp");
  if (opened.ok) join(checkpoint, client, opened.wire, target, { via: "tcp", decision: opened.decision });
  else if (target.port === httpPort) answerHttp(client, opened.status, opened.sentence);
  else client.terminate();
};

/** Lets the two talk, as far as what the client says first fits the name that it asked for. */
export const join = (checkpoint: Checkpoint, client: Wire, server: Wire, target: Target, way: Way): void => {
  if (isIntercepted(checkpoint, target)) void lookInto(checkpoint, client, server, target, way);
  else if (target.port === httpPort)
    crossHttp(checkpoint, client, server, { ...way, target, reader: createRequestReader() });
  else if (tlsPorts.has(target.port) && !isLiteral(target.name)) awaitHello(checkpoint, client, server, target, way);
  else cross(checkpoint, client, server, target, way);
};

/** Loaded with the first connection that needs it. */
export const lookInto = async (
  checkpoint: Checkpoint,
  client: Wire,
  server: Wire,
  target: Target,
  way: Way,
): Promise<void> => {
  const { crossJudged, interceptTls } = await import("./intercept/intercept.ts");
  if (target.port === httpPort || isLocalhost(target.name))
    crossJudged(checkpoint, client, server, target, way, "http/1.1");
  else await interceptTls(checkpoint, client, server, target, way);
};

const awaitHello = (checkpoint: Checkpoint, client: Wire, server: Wire, target: Target, way: Way): void => {
  let held: Uint8Array = new Uint8Array();
  const give = (reason: string): void => {
    refuse(checkpoint, target, way.via, `${target.name}:${target.port} was cut off: ${reason}`);
    client.terminate();
  };
  const timer = setTimeout(() => client.terminate(), greetingMs);
  attach(client, {
    data(chunk) {
      held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      const reading = readClientHello(held);
      if (reading.state === "incomplete") return;
      if (reading.state === "not-tls") return give("on this port only TLS is let through");
      if (reading.state === "bad") return give(`its TLS cannot be read: ${reading.reason}`);
      const { serverName } = reading;
      if (serverName === undefined) return give("its TLS names no host");
      if (canonicalName(serverName) !== target.name) return give("its TLS names another host");
      clearTimeout(timer);
      detach(client);
      cross(checkpoint, client, server, target, { ...way, first: held });
    },
    end: () => client.terminate(),
    close() {
      clearTimeout(timer);
      server.terminate();
    },
  });
};
