import { join } from "node:path";
import type { Authority } from "../test/network/servers/authority.ts";
import type { Row } from "./measure.ts";
import { rowsOf, takeTurns } from "./network-traffic.ts";
import { startWorker, type Worker } from "./worker.ts";
import type { World } from "./world.ts";

const bytes = 1_000_000_000;
const plan = { warmUp: 1, rounds: 5 };
const leastOfDirect = 0.3;

/** Where its server is, besides the one that speaks HTTP/1.1. */
export const h2Host = "allowed.test:8443";
const server = [process.execPath, join(import.meta.dirname, "network-h2-server.ts"), "11.1.1.1", "8443"];

/** One turn is one download. curl says how fast it was, in bytes per second. */
const client = `while read -r count; do
  curl --silent --show-error --fail --http2 --output /dev/null --header "Authorization: Bearer $BENCH_TOKEN" \\
    --write-out '%{http_version} %{size_download} %{speed_download}\\n' "https://${h2Host}/$count" || exit 1
done`;

/** The same over HTTP/2, which is read and written anew frame by frame. `run` are the words before a command inside. */
export const measureH2 = async (
  run: string[],
  user: Pick<World, "project" | "env">,
  { cert, key }: Authority,
  token: string,
): Promise<Row> => {
  const serving = Bun.spawn([...server, cert, key, token], { stdio: ["pipe", "pipe", "inherit"] });
  await serving.stdout.getReader().read();
  const words = ["sh", "-c", client];
  const clients = { direct: startClient(words, user), ours: startClient([...run, ...words], user) };
  const samples = await takeTurns<keyof typeof clients>(clients, String(bytes), plan);
  for (const worker of Object.values(clients)) await worker.finish();
  serving.kill();
  const target = { atLeast: leastOfDirect };
  return rowsOf(samples, "MB/s", "ratio")("1 GB down by HTTP/2, looked into", "ours", "direct", "outside", target);
};

/** Answers with megabytes per second. */
const startClient = (argv: string[], user: Pick<World, "project" | "env">): Worker => {
  const worker = startWorker(argv, user);
  const take = async (request: string): Promise<string> => {
    const answer = await worker.take(request);
    const [version, size, speed] = answer.split(" ");
    if (version !== "2" || size !== request) throw new Error(`not what was asked for: ${answer}`);
    return String(Number(speed) / 1e6);
  };
  return { ...worker, take };
};
