import { type NetworkProbe, sharedPort } from "../facts.ts";
import { askDatagram, dnsQuery, resolver } from "./dns-client.ts";
import { proxy, tryAbsolute, tryConnect, tryEveryWay } from "./proxy-client.ts";
import { ask, describeReached, dial, request } from "./talk.ts";
import { conclude, reachAllowed, tell, waitFor } from "./verdict.ts";

const reach = async (name: string, port: number): Promise<string | undefined> =>
  describeReached(`${name}:${port}`, await ask(name, port, request(name)));

/** Carries every connection on to the proxy, as a helper of the agent might. */
const startRelay = (hostname: string) =>
  Bun.listen<{ held: Uint8Array[]; there?: { write(bytes: Uint8Array): number; end(): void } }>({
    hostname,
    port: 0,
    socket: {
      open(here) {
        here.data = { held: [] };
        Bun.connect({
          hostname: proxy.address,
          port: proxy.port,
          socket: {
            open(there) {
              here.data.there = there;
              for (const bytes of here.data.held) there.write(bytes);
            },
            data: (_, bytes) => void here.write(bytes),
            close: () => void here.end(),
            error: () => void here.end(),
          },
        }).catch(() => here.end());
      },
      data({ data }, bytes) {
        if (data.there) data.there.write(bytes);
        else data.held.push(Buffer.from(bytes));
      },
      close: ({ data }) => data.there?.end(),
      error() {},
    },
  });

const adminTargets = ["/", "/metrics", "/rules", "/shutdown", "/proxy.pac", "/debug/pprof/", "/.well-known/cordon"];
const ownPlaces = [
  "127.66.0.1:1066",
  "localhost:1066",
  "127.0.0.1:1066",
  "127.0.0.53:53",
  "127.66.0.2:80",
  "0.0.0.0:1066",
];

const outward = (): Promise<string | undefined>[] => [
  reach("denied.test", 80),
  reach("11.1.1.2", 8080),
  reach("10.1.2.3", 80),
  reach("127.0.0.1", 8081),
  askDatagram("11.1.1.53", dnsQuery(["exfil", "test"])).then((answer) => answer && "a resolver outside answered"),
];

const noise = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length));

const confuse = async (): Promise<void> => {
  const first = [0, 4, 5, 0x16, 71];
  await Promise.all(
    Array.from({ length: 60 }, async (_, index) => {
      const bytes = noise(4000);
      bytes[0] = first[index % first.length]!;
      const talk = await dial(index % 2 ? proxy.address : resolver, index % 2 ? proxy.port : 53);
      talk?.write(bytes);
      await Bun.sleep(20);
      talk?.close();
    }),
  );
  const socket = await Bun.udpSocket({ socket: { data() {}, error() {} } });
  try {
    for (let index = 0; index < 500; index += 1) socket.send(noise(index), 53, resolver);
  } catch {
    // Nobody listens there.
  }
  socket.close();
};

const inside = { published: 7001, silent: 7002 };
const outside = 17_001;
const outerAddresses = ["11.1.1.1", "11.1.1.3", "10.1.2.3", "192.168.7.7", "::1", "2600:11::1"];

export const sessionProbes: NetworkProbe[] = [
  {
    id: "NT-07",
    attack: "an empty list of allowed hosts taken for everything",
    options: ["--host-port", `${sharedPort}`],
    attempt: () =>
      conclude(
        ["allowed.test", "denied.test", "www.shop.test", "11.1.1.1"].flatMap((host) => [
          ...tryEveryWay(host),
          ...tryEveryWay(host, 443),
          reach(host, 80),
        ]),
        async () => ((await reach("localhost", sharedPort)) ? undefined : "the shared port does not answer"),
      ),
  },
  {
    id: "NT-24",
    neighbour: true,
    attack: "the proxy of another sandbox, the proxy's own addresses and pages, the proxy from outside",
    attempt: () =>
      conclude(
        [
          ...tryEveryWay("denied.test"),
          ...ownPlaces.flatMap((place) => [tryConnect(place), tryAbsolute(place)]),
          ...[...adminTargets, `http://${proxy.address}:${proxy.port}/`].map(async (target) => {
            const heard = await ask(proxy.address, proxy.port, request(proxy.address, "", target));
            return /^HTTP\/1\.1 (?!4)/.test(heard) ? `${target} is served` : undefined;
          }),
        ],
        reachAllowed,
      ),
    async beside() {
      const talk = await dial(proxy.address, proxy.port);
      talk?.close();
      return talk && "the proxy can be used from outside";
    },
  },
  {
    id: "NT-25",
    attack: "ask through a relay inside, or let the proxy connect back to one",
    async attempt() {
      const relays = ["127.0.0.1", "0.0.0.0"].map(startRelay);
      const places = relays.map(({ port }) => ({ address: "127.0.0.1", port }));
      const outcome = await conclude(
        places.flatMap((place) => [
          ...["denied.test", "11.1.1.2", "127.0.0.1", "private.test"].flatMap((host) => tryEveryWay(host, 80, place)),
          ...["127.0.0.1", "localhost", "127.66.0.1", "allowed.test"].map((host) =>
            tryConnect(`${host}:${place.port}`),
          ),
        ]),
        async () => {
          const lines = await Promise.all(places.map((place) => tryConnect("allowed.test:80", place)));
          return lines.every(Boolean) ? undefined : "an allowed host is not reached through the relay";
        },
      );
      for (const relay of relays) relay.stop(true);
      return outcome;
    },
  },
  {
    id: "NT-26",
    attack: "confuse, freeze or outlive the gateway and then go out directly; keep a connection that is denied by now",
    async attempt({ workspace }) {
      await confuse();
      tell(workspace, "confused");
      await waitFor(workspace, "frozen");
      const whileFrozen = await Promise.all(outward().slice(1));
      tell(workspace, "tried");
      await waitFor(workspace, "thawed");
      const problem = await reachAllowed();
      const old = await dial("allowed.test", 22);
      const isOpen = /reached/.test((await old?.hear(/reached \S+\n/)) ?? "");
      tell(workspace, "connected");
      await waitFor(workspace, "denied");
      old?.forget();
      old?.write("still there?\n");
      const heard = (await old?.hear(/again \S+\n/)) ?? "";
      return conclude(
        [
          ...whileFrozen,
          ...outward(),
          heard.includes("again") && "a connection outlived the rule that allowed it",
          ...tryEveryWay("allowed.test"),
          reach("allowed.test", 80),
        ],
        async () => problem ?? (isOpen ? undefined : "allowed.test:22 does not answer"),
      );
    },
    async beside({ facts: { workspace, isFiltered }, pid, cordon }) {
      await waitFor(workspace, "confused");
      if (isFiltered) process.kill(pid, "SIGSTOP");
      tell(workspace, "frozen");
      await waitFor(workspace, "tried");
      if (isFiltered) process.kill(pid, "SIGCONT");
      tell(workspace, "thawed");
      await waitFor(workspace, "connected");
      const { code, stderr } = isFiltered ? await cordon("deny", "allowed.test", "--running") : { code: 0, stderr: "" };
      tell(workspace, "denied");
      if (code !== 0) throw new Error(`the rule was not changed: ${stderr}`);
      return undefined;
    },
  },
  {
    id: "NT-27",
    attack: "come in from outside: servers inside on every address, with and without publishing",
    options: ["--allow-host", "allowed.test", "-P", `${inside.published}:${outside}`],
    async attempt({ workspace }) {
      const listeners = Object.values(inside).flatMap((port) =>
        ["0.0.0.0", "::1"].map((hostname) =>
          Bun.listen({
            hostname,
            port,
            socket: { open: (socket) => void socket.write(`reached inside:${port}\n`), data() {} },
          }),
        ),
      );
      const control = await reach("127.0.0.1", inside.silent);
      tell(workspace, "listening");
      await waitFor(workspace, "visited");
      for (const listener of listeners) listener.stop(true);
      return conclude([], async () => (control ? reachAllowed() : "the server does not answer inside"));
    },
    async beside({ facts: { workspace, isFiltered } }) {
      await waitFor(workspace, "listening");
      const ports = [...Object.values(inside), outside];
      const places = [
        ...outerAddresses.flatMap((address) => ports.map((port) => [address, port] as const)),
        ...Object.values(inside).map((port) => ["127.0.0.1", port] as const),
      ];
      const lines = await Promise.all(places.map(([address, port]) => reach(address, port)));
      const isPublished = (await reach("127.0.0.1", outside)) !== undefined;
      tell(workspace, "visited");
      const found = lines.find(Boolean);
      if (isFiltered && !found && !isPublished) throw new Error("the published port does not answer");
      return found;
    },
  },
];
