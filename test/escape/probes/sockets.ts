import { join } from "node:path";
import { type Facts, judge, type Probe, skipped } from "../facts.ts";
import { call, connectUnix } from "../syscall.ts";

const reach = (path: string): string | false => connectUnix(path) === "" && `${path.replace("\0", "@")} answers`;

/** Sockets that the harness has planted for a probe, and the places where hosts usually have them. */
const probeSockets = (id: string, attack: string, usual: (facts: Facts) => string[]): Probe => ({
  id,
  attack,
  attempt: (facts) => judge([...(facts.sockets[id] ?? []), ...usual(facts)].map(reach)),
});

/** Family, type and protocol, from <linux/socket.h>. Route sockets of AF_NETLINK are not here: name resolution needs them. */
const exotic: Record<string, [family: number, type: number, protocol: number]> = {
  "AF_PACKET raw": [17, 3, 0],
  "AF_PACKET datagram": [17, 2, 0],
  "AF_INET raw": [2, 3, 1],
  "AF_INET6 raw": [10, 3, 58],
  AF_VSOCK: [40, 1, 0],
  AF_ALG: [38, 5, 0],
  AF_BLUETOOTH: [31, 3, 1],
  AF_XDP: [44, 3, 0],
  AF_TIPC: [30, 5, 0],
  AF_KEY: [15, 3, 2],
  AF_RDS: [21, 5, 0],
  AF_CAN: [29, 3, 1],
};

/** Protocols of AF_NETLINK that configure or watch the kernel, from <linux/netlink.h>. */
const netlink: Record<string, number> = { xfrm: 6, audit: 9, netfilter: 12, uevent: 15, generic: 16 };

const openSocket = (name: string, family: number, type: number, protocol: number): string | false => {
  const { value, error } = call("socket", family, type, protocol);
  if (error === "") call("close", value);
  return error === "" && `${name} socket made`;
};

export const socketProbes: Probe[] = [
  {
    id: "KI-05",
    attack: "connect to abstract unix sockets of the host",
    attempt(facts) {
      const usual = ["\0/tmp/.X11-unix/X0", "\0/tmp/dbus-session", "\0/containerd-shim/0.sock"];
      const outcome = judge([`\0${facts.abstractSocket}`, ...usual].map(reach));
      return facts.net === "open" && outcome.verdict === "breached" ? skipped("network is open") : outcome;
    },
  },
  probeSockets("KI-06", "connect to unix sockets of the host by path", () => [
    "/run/systemd/notify",
    "/run/systemd/private",
    "/run/udev/control",
    "/run/nscd/socket",
  ]),
  probeSockets("KI-07", "spawn a process outside through D-Bus or systemd", () => [
    "/run/dbus/system_bus_socket",
    "/var/run/dbus/system_bus_socket",
  ]),
  probeSockets("KI-08", "use the ssh, gpg and keyring agents", (facts) => [join(facts.home, ".gnupg/S.gpg-agent")]),
  probeSockets("KI-09", "start a container through an engine", (facts) => [
    "/run/docker.sock",
    "/var/run/docker.sock",
    "/run/podman/podman.sock",
    "/run/containerd/containerd.sock",
    "/run/crio/crio.sock",
    "/var/snap/lxd/common/lxd/unix.socket",
    "/var/lib/incus/unix.socket",
    join(facts.home, ".docker/run/docker.sock"),
  ]),
  probeSockets("KI-10", "drive an editor, a terminal or a multiplexer of the host", () => [
    `/tmp/tmux-${process.getuid?.()}/default`,
  ]),
  probeSockets("KI-11", "inject keys into the display server or record it", () => [
    "/tmp/.X11-unix/X0",
    "/tmp/.X11-unix/X1",
    "/run/user/1000/wayland-0",
    "/run/user/1000/pipewire-0",
  ]),
  {
    id: "KI-17",
    attack: "sockets of families that no agent needs",
    attempt: () => judge(Object.entries(exotic).map(([name, numbers]) => openSocket(name, ...numbers))),
  },
  {
    id: "X-05",
    attack: "netlink sockets that configure or watch the kernel",
    attempt: () =>
      judge(Object.entries(netlink).map(([name, protocol]) => openSocket(`netlink ${name}`, 16, 3, protocol))),
  },
];
