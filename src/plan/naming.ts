import path from "node:path";
import { dnsAddress } from "../egress/egress.ts";
import type { PathFact } from "../host.ts";
import type { Mount } from "./plan.ts";

/** The files by which programs find out how names become addresses. */
export const namingFiles = ["/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf"] as const;

/**
 * Names inside a filtered network: all of them come from the gateway, and the host's own files stay outside. A file
 * that the host does not have cannot be put into its read-only /etc; programs then ask 127.0.0.1, where the gateway
 * answers too.
 */
export const namingMounts = (facts: Record<string, PathFact>, hostname: string): Mount[] => {
  const texts = {
    "/etc/resolv.conf": `nameserver ${dnsAddress}\n`,
    "/etc/hosts": `127.0.0.1 localhost ${hostname}\n::1 localhost ip6-localhost ip6-loopback\n`,
    "/etc/nsswitch.conf": switchText,
  };
  return namingFiles.flatMap((file) => {
    const target = placeOf(file, facts[file]);
    return target === undefined ? [] : [fileAt(target, texts[file])];
  });
};

/** No daemon's socket is inside, so files and the name server are all that there is (nsswitch.conf(5)). */
const switchText = `${["passwd", "group", "shadow"].map((name) => `${name}: files\n`).join("")}hosts: files dns\n`;

/** Where the file really is; a link that leads nowhere on the host leads to what stands there inside. */
const placeOf = (file: string, fact: PathFact | undefined): string | undefined => {
  if (fact === undefined) return undefined;
  if (fact.kind !== "missing") return fact.real;
  return fact.link === undefined ? undefined : path.resolve(path.dirname(file), fact.link);
};

const fileAt = (target: string, text: string): Mount => ({
  kind: "bytes",
  target,
  bytes: Buffer.from(text),
  permissions: 0o644,
  origin: "names come from the gateway",
});
