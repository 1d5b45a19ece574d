import { expect } from "bun:test";
import { createServer } from "node:net";
import type { Check } from "../conformance.ts";
import type { World } from "./world.ts";

const answer = "answer from the host";

/** Asks a server on the host's loopback from inside; bash can dial by itself. */
const dial = async ({ run }: World, net: string): Promise<string> => {
  const server = createServer((socket) => socket.end(answer));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  try {
    const script = `(exec 3<>/dev/tcp/127.0.0.1/${port} && cat <&3) 2>/dev/null || echo unreachable`;
    return (await run(["run", "--net", net, "--", "bash", "-c", script])).stdout;
  } finally {
    server.close();
  }
};

/** What of the network is reachable. */
export const networkChecks: Check[] = [
  {
    name: "network open: a server on the host's loopback answers",
    does: async (world) => {
      expect(await dial(world, "open")).toBe(answer);
    },
  },
  {
    name: "network none: the same server does not",
    does: async (world) => {
      expect(await dial(world, "none")).toBe("unreachable\n");
    },
  },
  {
    name: "network none: no interface but loopback, and no route",
    does: async ({ inside }) => {
      const script = "tail -n +3 /proc/net/dev | cut -d: -f1; tail -n +2 /proc/net/route; cat /proc/net/ipv6_route";
      const { stdout } = await inside(script, ["--net", "none"]);
      const routes = stdout.split("\n").filter((line) => line !== "" && !/\blo$/.test(line.trim()));
      expect(routes).toEqual([]);
      expect(stdout).toMatch(/^\s*lo$/m);
    },
  },
  {
    name: "network filtered is enforced or refused by name",
    does: async ({ run }) => {
      const { code, stderr } = await run(["run", "--net", "filtered", "--", "true"]);
      if (code === 0) return;
      expect({ code, stderr }).toEqual({
        code: 125,
        stderr: expect.stringMatching(/cannot enforce network-filtered\nhint: /),
      });
    },
  },
];
