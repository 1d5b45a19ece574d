import type { Injection, LiveCredential } from "../../../src/credentials/credential.ts";
import { createAddresses } from "../../../src/egress/addresses.ts";
import type { Happening } from "../../../src/egress/audit.ts";
import type { Checkpoint } from "../../../src/egress/checkpoint.ts";
import { type Dialled, dialLoopback } from "../../../src/egress/dialler.ts";
import { createAuthority } from "../../../src/egress/intercept/certificate-authority.ts";
import { createRules } from "../../../src/egress/rules.ts";
import { lookInto } from "../../../src/egress/stream.ts";
import { receiving, type Wire } from "../../../src/egress/wire.ts";

/** The name under which everything stands here. */
export const name = "api.test";

export const placeholder = "sk-placeholder-0123456789";
export const secret = "sk-real-abcdefghijklmnopq";

export type Lab = {
  /** Where clients connect to. */
  port: number;
  /** Whom they have to trust. */
  authority: string;
  /** Key and certificate for the server behind. */
  leaf: { key: string; cert: string };
  happenings: Happening[];
  told: string[];
  rejected: string[];
  checkpoint: Checkpoint;
  close(): void;
};

export type LabOptions = {
  /** The server behind; by TLS unless its port is given as 80. */
  server: (leaf: { key: string; cert: string }) => { port: number; stop(): void };
  /** The port that clients mean. */
  port?: number;
  allow?: string[];
  deny?: string[];
  injects?: boolean;
  /** How the gateway gets to the server behind. */
  dial?: (port: number) => Promise<Dialled>;
  live?: Partial<LiveCredential>;
};

const rulesOf = (values: string[]) => values.map((value) => ({ value, origin: "test" }));

/** A gateway without a sandbox: a door on loopback behind which a server seems to stand. */
export const createLab = async (options: LabOptions): Promise<Lab> => {
  const { port = 443, allow = [name], deny = [], injects = true, live = {}, dial = dialLoopback } = options;
  const outside = await createAuthority();
  const authority = await createAuthority();
  const leaf = await outside.issue(name);
  const server = options.server(leaf);
  const injection: Injection = {
    credential: "key",
    placeholder,
    slots: [{ header: "authorization", scheme: "Bearer" }],
    hosts: [`${name}:443`],
  };
  const [happenings, told, rejected]: [Happening[], string[], string[]] = [[], [], []];
  const credential: LiveCredential = {
    value: () => secret,
    freshen: () => undefined,
    reject: (value) => rejected.push(value),
    secrets: () => [secret],
    ...live,
  };
  const checkpoint: Checkpoint = {
    rules: createRules({ allow: rulesOf(allow), deny: rulesOf(deny) }),
    addresses: createAddresses(),
    audit: { record: (happening) => happenings.push(happening), flush() {}, close() {} },
    upstream: undefined,
    interception: {
      authority,
      injections: injects ? [injection] : [],
      credentials: new Map([["key", credential]]),
      trusted: async () => [outside.pem],
      speaksH2: new Map(),
    },
    notify: (sentence) => told.push(sentence),
    connections: new Map(),
    outer: new Map(),
    told: new Set(),
  };
  const arrive = async (client: Wire): Promise<void> => {
    const dialled = await dial(server.port);
    if (!dialled.ok) throw new Error("the server behind does not answer");
    const leading = { name, port };
    const way = { via: "tcp", decision: { allowed: true, reason: "allowed" } } as const;
    checkpoint.connections.set(client, leading);
    await lookInto(checkpoint, client, dialled.wire, leading, way);
  };
  const door = Bun.listen({ hostname: "127.0.0.1", port: 0, ...receiving((wire) => void arrive(wire)) });
  return {
    ...{ port: door.port, authority: authority.pem, leaf, happenings, told, rejected, checkpoint },
    close() {
      door.stop(true);
      server.stop();
    },
  };
};
