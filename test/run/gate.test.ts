import { afterAll, expect, test } from "bun:test";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { openGateway } from "../../src/egress/gateway.ts";
import { prepareEntry } from "../../src/egress/namespace.ts";
import { createGate, openGate } from "../../src/run/gate.ts";

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "cr-"));
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));

test("the gateway waits for the loopback interface, which the sandbox brings up a moment later", async () => {
  const late = "echo made; sleep 0.3; ip link set lo up; exec sleep 60";
  const path = `${process.env["PATH"]}:/usr/sbin:/sbin`;
  const sandbox = Bun.spawn(["unshare", "--user", "--map-root-user", "--net", "sh", "-c", late], {
    ...{ env: { PATH: path }, stdio: ["ignore", "pipe", "inherit"] },
  });
  try {
    await sandbox.stdout.getReader().read();
    const network = prepareEntry(scratch)(sandbox.pid);
    // The first address gives the network a table of its own, in which 127.0.0.0/8 is missing as long as `lo` is down.
    const [, fd = -1] = network.open([
      { kind: "address", address: "127.66.0.1", mask: "255.255.0.0", label: "lo:cordon" },
      { kind: "listener", address: "127.0.0.53", port: 53 },
    ]);
    expect(fd).toBeGreaterThan(0);
    fs.closeSync(fd);
    network.close();
  } finally {
    sandbox.kill("SIGKILL");
    await sandbox.exited;
  }
});

test.each([true, false])("the command starts only behind a gateway (that fails: %p)", async (fails) => {
  const gate = createGate();
  const started = path.join(scratch, `started-${fails}`);
  // What bubblewrap does: the first byte and the end of the pipe both let the command go on.
  const words = ["sh", "-c", 'read -r _; touch "$0"', started];
  // Nobody enters a user namespace that he is in already (setns(2)): so the gateway fails without one of its own.
  const alone = fails ? [] : ["unshare", "--user", "--map-root-user", "--net"];
  const up = fails ? words : ["sh", "-c", 'ip link set lo up; echo up; exec "$@"', "sh", ...words];
  const env = { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` };
  const sandbox = Bun.spawn([...alone, ...up], { env, stdio: [gate.far, "pipe", "inherit"] });
  fs.closeSync(gate.far);
  fs.writeFileSync(path.join(scratch, "status.json"), `{ "child-pid": ${sandbox.pid} }\n`);
  if (!fails) await sandbox.stdout.getReader().read();
  const child = { pid: sandbox.pid, exited: sandbox.exited.then((code) => ({ code, signal: null })) };
  const opening = openGate(gate, { directory: scratch, child }, (firstProcess) =>
    openGateway(
      { allow: [], deny: [], inject: [], hostPorts: [], publish: [], publishAll: false, announce: false },
      firstProcess,
      {
        ...{ directory: scratch, hostEnv: {}, notify() {}, onQuiet() {} },
        ...{ authority: { pem: "", issue: () => Promise.reject(new Error("unused")) }, credentials: new Map() },
        run: { id: "00000000" } as never,
        places: { state: scratch } as never,
      },
    ),
  );
  if (fails) await expect(opening).rejects.toThrow();
  else (await opening).close();
  await sandbox.exited;
  expect(fs.existsSync(started)).toBe(!fails);
});
