import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawn } from "node:child_process";
import fs from "node:fs";
import { processesWith, users } from "../run/lab.ts";
import { createNetworkLab, type NetworkLab, sayHttp, soon } from "./lab.ts";
import { answerNames, withAddress, withFlags } from "./resolver.ts";

/** What breaks or hangs: the sandbox never gains a way out, and what works goes on working. */

setDefaultTimeout(120_000);

let lab: NetworkLab;
const fetching = "curl -sS -m 30 --noproxy '*'";

afterEach(() => lab.close());

describe.each(users)("cordon itself: $name", ({ uid }) => {
  test("killed, it takes the sandbox with it, and no connection from inside lives on", async () => {
    lab = createNetworkLab(uid);
    const calls = await lab.serve("11.1.1.1", 8000, (socket) => socket.resume());
    const shell = await lab.open(["--allow-host", "allowed.test:8000"]);
    shell
      .python(`import socket
held = socket.create_connection(("allowed.test", 8000))
print("up", flush=True)
while True:
    try: socket.create_connection(("allowed.test", 8000), 1).close()
    except OSError: pass
`)
      .catch(() => {});
    await soon(() => shell.stdout().includes("up") && calls.count > 10);
    process.kill(shell.pid, "SIGKILL");
    await shell.ended;
    await soon(() => processesWith(lab.directory).length === 0);
    await soon(() => calls.sockets.size === 0);
    const { count } = calls;
    await Bun.sleep(100);
    expect(calls.count).toBe(count);
  });

  test("stopped for seconds, it goes on where it was: connections, names and rules", async () => {
    lab = createNetworkLab(uid);
    await lab.serve("11.1.1.1", 80, sayHttp("here"));
    await lab.serve("11.1.1.1", 8000, (socket) => socket.pipe(socket));
    const shell = await lab.open(["--allow-host", "allowed.test:8000", "--allow-host", "allowed.test"]);
    const answer = shell.python(`import socket, time
held = socket.create_connection(("allowed.test", 8000))
try:
    while True:
        held.sendall(b"x")
        if held.recv(1) != b"x": break
        print("tick", flush=True)
        time.sleep(0.02)
except ConnectionResetError: pass
print("cut")
`);
    const ticks = () => shell.stdout().split("tick").length;
    await soon(
      () => ticks() > 5,
      () => `${shell.stdout()} ${shell.stderr()} ${JSON.stringify(lab.audit())}`,
      5000,
    );
    process.kill(shell.pid, "SIGSTOP");
    await soon(() => /^State:\s+T/m.test(fs.readFileSync(`/proc/${shell.pid}/status`, "utf8")));
    await Bun.sleep(2_500);
    const before = ticks();
    process.kill(shell.pid, "SIGCONT");
    await soon(() => ticks() > before + 20);
    await lab.cordon(["deny", "allowed.test:8000"]);
    expect((await answer).stdout).toEndWith("cut\n");
    expect((await shell.ask(`${fetching} http://allowed.test/`)).stdout).toBe("here");
  });
});

/** A listener whose queue is full: who else comes gets no answer at all. */
const fullListener = `import socket
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("11.1.1.3", 80))
server.listen(0)
held = []
while True:
    try: held.append(socket.create_connection(("11.1.1.3", 80), 0.5))
    except TimeoutError: break
print("full", flush=True)
input()
`;

describe("dead servers", () => {
  beforeEach(async () => {
    lab = createNetworkLab();
    await lab.serve("11.1.1.1", 80, sayHttp("here"));
  });
  const dead = ["--allow-host", "dead.test", "--allow-host", "allowed.test"];

  test("nobody listens: the program is told at once, by every way that has words for it", async () => {
    const shell = await lab.open(dead);
    const sentence = "dead.test:80 cannot be reached: connection refused";
    for (const how of [fetching, "curl -sS -m 30"])
      expect((await shell.ask(`${how} -i http://dead.test/`)).stdout).toStartWith(`HTTP/1.1 502 ${sentence}\r\n`);
    const tunnel = await shell.ask("curl -sS -m 30 -p http://dead.test/");
    expect(tunnel).toMatchObject({ code: 56 });
    expect(tunnel.stderr).toContain("502");
    expect((await shell.ask("curl -sS -m 30 -x socks5h://127.66.0.1:1066 http://dead.test/")).code).toBe(97);
    await shell.leave();
    const failures = lab.audit().filter(({ event }) => event === "failed");
    expect(failures[0]).toMatchObject({ host: "dead.test", port: 80, reason: sentence });
  });

  test("one takes no more connections: the program is told, and the others go on meanwhile", async () => {
    const listener = spawn("/usr/bin/python3", ["-c", fullListener], { stdio: ["pipe", "pipe", "inherit"] });
    lab.onClose(() => listener.kill("SIGKILL"));
    await new Promise((resolve) => listener.stdout.once("data", resolve));
    const shell = await lab.open(dead);
    const { stdout } = await shell.ask(`${fetching} -i http://dead.test/ & ${fetching} http://allowed.test/; wait`);
    expect(stdout).toStartWith("here");
    expect(stdout).toContain("502 dead.test:80 cannot be reached: timed out");
  });

  test("one takes the request and never answers: the others go on, and nothing is made up", async () => {
    const mute = await lab.serve("11.1.1.3", 80, (socket) => socket.resume());
    const shell = await lab.open(dead);
    const { stdout, code } = await shell.ask(
      `(curl -s -m 3 --noproxy '*' http://dead.test/; echo " $?") & ${fetching} http://allowed.test/; wait`,
    );
    expect({ stdout, code }).toEqual({ stdout: "here 28\n", code: 0 });
    expect(mute.count).toBe(1);
    await soon(() => mute.sockets.size === 0);
  });

  test("one drips for ever, and one answers with a head without end", async () => {
    await lab.serve("11.1.1.3", 80, (socket) => {
      socket.resume();
      socket.write("HTTP/1.1 200 OK\r\n");
      const timer = setInterval(() => socket.write(`X-${Date.now()}: drip\r\n`), 10);
      socket.on("close", () => clearInterval(timer));
    });
    const shell = await lab.open(dead);
    const { stdout } = await shell.ask(
      `(curl -s -m 2 --noproxy '*' http://dead.test/; echo " $?") & ${fetching} http://allowed.test/; wait`,
    );
    expect(stdout).toBe("here 28\n");
  });
});

describe("the host's resolver", () => {
  beforeEach(async () => {
    lab = createNetworkLab();
    await lab.serve("11.1.1.1", 80, sayHttp("here"));
  });
  const names = ["--allow-host", "*.shop.test", "--allow-host", "allowed.test"];
  const unknown = (name: string) => `${name}:80 cannot be reached: its name is unknown`;

  test("it answers: what only it knows is reached", async () => {
    const asked = await answerNames(lab, (query, send) => send(withAddress(query)));
    const shell = await lab.open(names);
    expect((await shell.ask(`${fetching} http://new.shop.test/`)).stdout).toBe("here");
    expect(asked.count).toBeGreaterThan(0);
  });

  test("it answers with SERVFAIL: the program is told, and nothing else is hurt", async () => {
    const asked = await answerNames(lab, (query, send) => send(withFlags(query, 2)));
    const shell = await lab.open(names);
    expect((await shell.ask(`${fetching} http://new.shop.test/`)).stdout).toBe(`cordon: ${unknown("new.shop.test")}\n`);
    expect((await shell.ask(`${fetching} http://allowed.test/`)).stdout).toBe("here");
    expect(asked.count).toBeGreaterThan(0);
  });

  test("nobody answers, to many names at once: names that need no server are still reached", async () => {
    const asked = await answerNames(lab, () => {});
    const shell = await lab.open(names);
    const { stdout } = await shell.ask(`for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
  ${fetching} -o out.$i http://n$i.shop.test/ &
done
sleep 0.5
${fetching} http://allowed.test/ && echo " first"
wait; cat out.*`);
    expect(stdout).toStartWith("here first\n");
    expect(stdout).toContain(unknown("n12.shop.test"));
    expect(stdout.match(/its name is unknown/g)!.length).toBe(12);
    expect(asked.count).toBeGreaterThan(0);
    expect((await shell.ask(`${fetching} http://www.shop.test/`)).stdout).toBe("here");
  });

  test("it is slow: the answer is waited for", async () => {
    await answerNames(lab, (query, send) => void setTimeout(() => send(withAddress(query)), 700));
    const shell = await lab.open(names);
    expect((await shell.ask(`${fetching} http://slow.shop.test/`)).stdout).toBe("here");
  });

  test("it leads to an address of this machine: refused, with the way to allow it", async () => {
    await answerNames(lab, (query, send) => {
      const reply = withAddress(query);
      if (reply.length > 28 && reply.readUInt16BE(6) === 1) reply.set([127, 0, 0, 1], reply.length - 4);
      send(reply);
    });
    const inner = await lab.serve("127.0.0.1", 80, sayHttp("inner"));
    const shell = await lab.open(names);
    const { stdout } = await shell.ask(`${fetching} -i http://turned.shop.test/`);
    expect(stdout).toContain("403 turned.shop.test:80 leads to the loopback address 127.0.0.1");
    expect(inner.count).toBe(0);
  });
});
