import type { Socket } from "bun";
import { createOutbox, type Outbox } from "../outbox.ts";
import { connectAgent, type HostAgent } from "./agent.ts";
import { failure, passageOf } from "./filter.ts";
import { cutMessage, frame, maxMessageBytes } from "./protocol.ts";

export type SshAgentService = {
  kind: "ssh-agent";
  /** The socket of the host's own agent. */
  agent: string;
  /** The public keys that are in use inside, in base64. */
  keys: string[];
};

/** ssh and git open one for each connection that they make. */
const maxClients = 32;
const maxHeldBytes = 4 + maxMessageBytes;
/** Who reads no answers gets no more of them. */
const maxWaitingBytes = 1024 * 1024;

type Client = { socket: Socket<Client>; outbox: Outbox; held: Uint8Array; isBusy: boolean; agent?: HostAgent };

/** The agent that a sandbox sees: the host's own behind the filter. Each connection has its own one to the host's. */
export const serveSshAgent = (socketPath: string, { agent, keys }: SshAgentService): { close(): void } => {
  const chosen = new Set(keys);
  const clients = new Set<Client>();
  const isChosen = (key: Uint8Array) => chosen.has(Buffer.from(key).toString("base64"));
  const answer = async (client: Client, message: Uint8Array): Promise<Uint8Array> => {
    const passage = passageOf(message, isChosen);
    if (!passage) return failure;
    try {
      client.agent ??= await connectAgent(agent);
      // It may have hung up in the meantime, and then nobody else would.
      if (!clients.has(client)) client.agent.close();
      return passage(await client.agent.ask(message));
    } catch {
      delete client.agent;
      return failure;
    }
  };
  const server = Bun.listen<Client>({
    unix: socketPath,
    socket: {
      open(socket) {
        socket.data = { socket, outbox: createOutbox(socket), held: new Uint8Array(), isBusy: false };
        clients.add(socket.data);
        if (clients.size > maxClients) socket.terminate();
      },
      data({ data: client }, bytes) {
        client.held = Buffer.concat([client.held, bytes]);
        if (client.held.length > maxHeldBytes) client.socket.terminate();
        else void work(client, answer);
      },
      drain: ({ data: client }) => client.outbox.flush(),
      close({ data: client }) {
        clients.delete(client);
        client.agent?.close();
      },
      // A peer that hangs up in the middle is its own business.
      error() {},
    },
  });
  server.unref();
  return {
    close() {
      server.stop(true);
      for (const client of clients) client.agent?.close();
    },
  };
};

/** Answers what has come, one message after the other. */
const work = async (
  client: Client,
  answer: (client: Client, message: Uint8Array) => Promise<Uint8Array>,
): Promise<void> => {
  if (client.isBusy) return;
  client.isBusy = true;
  for (let cut = cutMessage(client.held); cut !== undefined; cut = cutMessage(client.held)) {
    if (cut === "bad" || client.outbox.waiting() > maxWaitingBytes) return client.socket.terminate();
    client.held = cut.rest;
    client.outbox.send(frame(await answer(client, cut.message)));
  }
  client.isBusy = false;
};
