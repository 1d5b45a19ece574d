import type { Launch } from "./launch.ts";

/** A launch as `--dry-run` prints it: bytes by their text or size, values of variables that look secret left out. */
export const describeLaunch = (launch: Launch): unknown => ({
  ...launch,
  join: { groups: launch.join.groups },
  main: {
    ...launch.main,
    env: Object.fromEntries(Object.entries(launch.main.env).map(([name, value]) => [name, redact(name, value)])),
    fds: launch.main.fds.map((source) =>
      source.kind === "bytes"
        ? { kind: "bytes", name: source.name, ...describeBytes(source.name, source.bytes) }
        : source,
    ),
  },
});

const describeBytes = (name: string, bytes: Uint8Array): object =>
  name === "args" ? { arguments: new TextDecoder().decode(bytes).split("\0").slice(0, -1) } : { size: bytes.length };

const secretName = /KEY|TOKEN|SECRET|PASSW|CREDENTIAL|AUTH|COOKIE/i;

const redact = (name: string, value: string): string =>
  secretName.test(name) || /:\/\/[^/]*@/.test(value) ? "(hidden)" : value;
