import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import type { Check } from "../backends/backend.ts";
import { bubblewrap, type Observed } from "../backends/bubblewrap.ts";
import { dnsAddress, dnsPort } from "../egress/egress.ts";
import { prepareEntry } from "../egress/namespace.ts";
import { capture, type Finished } from "../exec.ts";
import type { Host } from "../host.ts";
import type { FdSource } from "../launch.ts";
import { copyAbove, openPipe } from "../libc.ts";
import { readStatus, statusName } from "../run/processes.ts";
import { openUnnamed } from "../unnamed-file.ts";
import type { Refused } from "./refusal.ts";
import { judge, planProbe } from "./sandbox.ts";

const check = { name: "filtered network", level: "required" } as const;
const pollMs = 5;

/** Makes a sandbox with a network of its own and opens the name server's door in it, as the gateway does. */
export const checkFiltered = async (host: Host, observed: Observed, about: Refused): Promise<Check> => {
  if (observed.isSetuid) {
    const found = "bubblewrap is setuid root, so its network belongs to root and the gateway cannot enter it";
    return { ...check, ok: false, found, fix: `\`sudo chmod u-s ${about.bwrap}\`` };
  }
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "cordon-doctor-"));
  try {
    const { finished, problem } = await tryDoor(host, observed, scratch);
    const judged = judge(check, finished, about);
    if (!judged.ok) return judged;
    return problem === undefined
      ? { ...check, ok: true, found: "works: the gateway gets in" }
      : { ...check, ok: false, found: problem };
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true });
  }
};

const tryDoor = async (
  host: Host,
  observed: Observed,
  scratch: string,
): Promise<{ finished: Finished; problem: string | undefined }> => {
  const { main } = bubblewrap.compile(planProbe(host, "filtered"), observed);
  const [far, near] = openPipe();
  const fds = main.fds.map((source) => openInput(source, scratch, far));
  const finishing = capture(main.file, main.args, { env: main.env, fds });
  for (const fd of [...fds, far]) fs.closeSync(fd);
  const problem = await openDoor(scratch, finishing);
  fs.closeSync(near);
  return { finished: await finishing, problem };
};

const openInput = (source: FdSource, scratch: string, release: number): number => {
  if (source.kind === "release") return copyAbove(release);
  const fd =
    source.kind === "bytes" ? openUnnamed(source.bytes) : fs.openSync(path.join(scratch, source.name), "w", 0o600);
  const copy = copyAbove(fd);
  fs.closeSync(fd);
  return copy;
};

/** What is wrong, or undefined; also when the sandbox has ended by itself, which tells its own story. */
const openDoor = async (scratch: string, finishing: Promise<Finished>): Promise<string | undefined> => {
  let isOver = false;
  void finishing.then(() => {
    isOver = true;
  });
  let pid: number | undefined;
  while (pid === undefined && !isOver) {
    await Bun.sleep(pollMs);
    pid = fs.existsSync(path.join(scratch, statusName)) ? readStatus(scratch).childPid : undefined;
  }
  if (pid === undefined) return undefined;
  try {
    const network = prepareEntry(scratch)(pid);
    const [result = -1] = network.open([{ kind: "datagrams", address: dnsAddress, port: dnsPort }]);
    network.close();
    return result < 0 ? `no socket can be opened in it: errno ${-result}` : void fs.closeSync(result);
  } catch (error) {
    return (error as Error).message;
  }
};
