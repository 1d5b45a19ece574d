import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { createNetworkLab, type NetworkLab, sayHttp, soon } from "./lab.ts";

setDefaultTimeout(60_000);

let lab: NetworkLab | undefined;
afterEach(() => lab?.close());

/** The library that answers for the clocks (Debian's faketime). */
const library = fs
  .globSync("/usr/lib/*/faketime/libfaketime.so.1")
  .concat(fs.globSync("/usr/lib64/faketime/libfaketime.so.1"))[0];

describe.if(library !== undefined)("a laptop that has slept, played by libfaketime", () => {
  test.each(["+3d", "-3d"])("cordon's clock jumps by %s while it is stopped: names and rules go on", async (jump) => {
    lab = createNetworkLab(0, { LD_PRELOAD: library!, FAKETIME_NO_CACHE: "1" });
    const clock = lab.write(path.join(lab.directory, "clock"), "+0");
    lab.env["FAKETIME_TIMESTAMP_FILE"] = clock;
    await lab.serve("11.1.1.1", 80, sayHttp("here"));
    const shell = await lab.open(["--allow-host", "allowed.test"]);
    const fetching = "curl -sS -m 10 http://allowed.test/";
    expect((await shell.ask(fetching)).stdout).toBe("here");
    await soon(() => lab!.audit().some(({ event }) => event === "allowed"));

    process.kill(shell.pid, "SIGSTOP");
    await soon(() => /^State:\s+T/m.test(fs.readFileSync(`/proc/${shell.pid}/status`, "utf8")));
    fs.writeFileSync(clock, jump);
    process.kill(shell.pid, "SIGCONT");

    expect((await shell.ask(fetching)).stdout).toBe("here");
    expect((await shell.ask("curl -sS -m 10 http://denied.test/")).stdout).toContain("is not allowed");
    expect((await lab.cordon(["deny", "allowed.test"])).code).toBe(0);
    expect((await shell.ask(fetching)).stdout).toContain("is denied by");
    expect((await shell.leave()).code).toBe(0);
    const days = lab.audit().map(({ time }) => String(time).slice(0, 10));
    expect(new Set(days).size).toBe(2);
  });
});
