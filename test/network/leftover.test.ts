import { afterAll, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import type { AuditEntry } from "../../src/egress/audit.ts";
import { createLab, users } from "../run/lab.ts";

const port = 8081;
const lab = createLab(users.at(-1)!.uid);
/** Says its last word at once and reads nothing. */
const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
  socket.on("error", () => {});
  socket.end("x");
});

afterAll(() => {
  server.close();
  lab.close();
});

/** Sends this many bytes, closes, and leaves the gateway a moment to take what the kernel holds. */
const client = `
import socket, sys, time
connection = socket.create_connection(("allowed.test", ${port}))
while connection.recv(1): pass
connection.settimeout(1)
try: connection.sendall(bytes(int(sys.argv[1])))
except TimeoutError: pass
connection.close()
time.sleep(0.3)
`;

const run = (bytes: number): Promise<number | null> => {
  const options = ["--net", "filtered", "--allow-host", `allowed.test:${port}`];
  const [program, words] = lab.words([...options, "run", "--", "/usr/bin/python3", "-c", client, `${bytes}`]);
  const child = spawn(program, words, { cwd: lab.at("project"), env: lab.env, stdio: "ignore" });
  return new Promise((resolve) => child.on("close", resolve));
};

/** How much a gateway and two kernels hold is theirs to say: of these amounts some have always got stuck on the way. */
const amounts = [1_000_000, 4_000_000, 5_000_000, 7_000_000];

test("what a server did not take when the run ended is written down", async () => {
  await new Promise<void>((resolve) => server.listen(port, "11.1.1.1", resolve));
  for (const amount of amounts) expect(await run(amount)).toBe(0);
  const text = fs.readFileSync(path.join(lab.at("home"), ".local/state/cordon/audit.jsonl"), "utf8");
  const entries: AuditEntry[] = text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  expect(entries.map(({ event, port }) => [event, port])).toEqual(amounts.map(() => ["allowed", port]));
}, 60_000);
