import { networkModes } from "../config/values.ts";
import type { Flag } from "./flags.ts";

/** What of the network is in reach, inside and from outside. */
export const networkFlags: readonly Flag[] = [
  {
    long: "net",
    aliases: ["network"],
    kind: "choice",
    placeholder: "MODE",
    choices: networkModes,
    key: "network.mode",
    group: "Network",
    help: "open, filtered (allowed names only) or none",
  },
  {
    long: "allow-host",
    kind: "host",
    placeholder: "HOST",
    repeatable: true,
    key: "network.allow",
    group: "Network",
    help: "let through a name, HOST:PORT, *.HOST, an address or `GET HOST/PATH`",
  },
  {
    long: "deny-host",
    kind: "host",
    placeholder: "HOST",
    repeatable: true,
    key: "network.deny",
    group: "Network",
    help: "keep a name or a request out; wins over every allowance",
  },
  {
    long: "host-port",
    kind: "port",
    placeholder: "PORT",
    repeatable: true,
    key: "network.host-ports",
    group: "Network",
    help: "a service on this machine's loopback, at the same port inside",
  },
  {
    long: "publish",
    short: "P",
    kind: "publish",
    placeholder: "PORT[:OUTSIDE]",
    repeatable: true,
    key: "network.publish",
    group: "Network",
    help: "a port inside, offered on this machine's loopback; `auto`: every one",
  },
];
