import path from "node:path";
import type { Notify } from "../egress/egress.ts";
import type { ServedSocket } from "../launch.ts";

/** Opens the sockets of a run in its directory, before the sandbox that sees them starts. Throws when one cannot be. */
export const serveSockets = async (
  sockets: readonly ServedSocket[],
  directory: string,
  notify: Notify,
): Promise<{ close(): void }> => {
  const open: { close(): void }[] = [];
  for (const { name, service } of sockets) {
    const file = path.join(directory, name);
    if (service.kind === "ssh-agent") {
      const { serveSshAgent } = await import("../ssh-agent/serve.ts");
      open.push(serveSshAgent(file, service));
    } else {
      const { serveClipboard } = await import("../clipboard/serve.ts");
      open.push(serveClipboard(file, service, notify));
    }
  }
  return {
    close() {
      for (const socket of open) socket.close();
    },
  };
};
