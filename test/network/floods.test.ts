import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import fs from "node:fs";
import { createNetworkLab, type NetworkLab, type Shell, sayHttp, soon } from "./lab.ts";
import { answerNames, withAddress } from "./resolver.ts";

/** Too much of everything: memory stays bounded, and neither the rest of the sandbox nor another one is disturbed. */

setDefaultTimeout(120_000);

let lab: NetworkLab;
const fetching = "curl -sS -m 30 --noproxy '*'";
const mostBytes = 150 * 1024 ** 2;

/** Resident memory of cordon's own process, now or at its highest: it holds all that the gateway keeps. */
const memoryOf = ({ pid }: Shell, field = "VmRSS"): number => {
  const status = fs.readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(status)![1]) * 1024;
};

const prelude = `import os, random, resource, socket, struct, sys, threading, time
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
`;

beforeEach(async () => {
  lab = createNetworkLab();
  await lab.serve("11.1.1.1", 80, sayHttp("here"));
});
afterEach(() => lab.close());

describe("connections", () => {
  const idle = (count: number) => `${prelude}
held = [socket.create_connection(("allowed.test", 8000), 30) for _ in range(${count})]
print("held", len(held), flush=True)
while not os.path.exists("enough"): time.sleep(0.02)
`;

  test("two thousand idle ones, again and again: others get through, and so does another sandbox", async () => {
    const calls = await lab.serve("11.1.1.1", 8000, (socket) => socket.resume());
    const rules = ["--allow-host", "allowed.test:8000", "--allow-host", "allowed.test"];
    const flooded = await lab.open(rules);
    const quiet = await lab.open(rules);
    const script = lab.write(`${lab.at("project")}/idle.py`, idle(1900));
    for (let round = 0; round < 3; round += 1) {
      await flooded.ask(
        `rm -f enough held; /usr/bin/python3 ${script} > held & until grep -qs 1900 held; do sleep 0.02; done`,
      );
      await soon(() => calls.sockets.size === 1900);
      for (const shell of [flooded, quiet])
        expect((await shell.ask(`${fetching} http://allowed.test/`)).stdout).toBe("here");
      expect(memoryOf(flooded)).toBeLessThan(mostBytes);
      await flooded.ask("touch enough; wait");
      await soon(() => calls.sockets.size === 0);
    }
    expect(memoryOf(flooded, "VmHWM")).toBeLessThan(mostBytes);
  });

  test("more than a sandbox may have are refused, and places that are left are given again", async () => {
    const calls = await lab.serve("11.1.1.1", 8000, (socket) => socket.resume());
    const shell = await lab.open(["--allow-host", "allowed.test:8000", "--allow-host", "allowed.test"]);
    const quiet = await lab.open(["--allow-host", "allowed.test"]);
    const { stdout } = await shell.python(`${prelude}
held, refused = [], 0
for count in range(2500):
    # Not so many at once that the gateway refuses to dial them.
    if count % 100 == 0: time.sleep(0.05)
    try:
        client = socket.create_connection(("127.66.0.2", 8000) if held else ("allowed.test", 8000), 30)
        held.append(client)
    except ConnectionResetError: refused += 1
time.sleep(0.5)
for client in held: client.setblocking(False)
alive = 0
for client in held:
    try: client.recv(1)
    except BlockingIOError: alive += 1
    except OSError: pass
print(alive)
`);
    expect(Number(stdout)).toBeGreaterThan(1900);
    expect(Number(stdout)).toBeLessThanOrEqual(2000);
    await soon(() => calls.sockets.size === 0);
    for (const each of [shell, quiet]) expect((await each.ask(`${fetching} http://allowed.test/`)).stdout).toBe("here");
    expect(memoryOf(shell, "VmHWM")).toBeLessThan(mostBytes);
  });

  test("a storm of short ones in one sandbox: the other answers meanwhile", async () => {
    const calls = await lab.serve("11.1.1.1", 8000, (socket) => socket.end());
    const storming = await lab.open(["--allow-host", "allowed.test:8000"]);
    const quiet = await lab.open(["--allow-host", "allowed.test"]);
    const storm = storming.python(`${prelude}
def storm():
    while not os.path.exists("enough"):
        try: socket.create_connection(("allowed.test", 8000), 30).close()
        except OSError: pass
for _ in range(8): threading.Thread(target=storm).start()
`);
    await soon(() => calls.count > 500);
    for (let time = 0; time < 20; time += 1)
      expect((await quiet.ask(`${fetching} http://allowed.test/`)).stdout).toBe("here");
    await quiet.ask("touch enough");
    expect((await storm).code).toBe(0);
    expect(memoryOf(storming, "VmHWM")).toBeLessThan(mostBytes);
  });

  test("with few descriptors it refuses what is too much, and goes on", async () => {
    const limit = 256;
    const calls = await lab.serve("11.1.1.1", 8000, (socket) => socket.resume());
    const prefix = ["sh", "-c", `ulimit -n ${limit}; exec "$@"`, "sh"];
    const shell = await lab.open(["--allow-host", "allowed.test:8000", "--allow-host", "allowed.test"], { prefix });
    const script = lab.write(
      `${lab.at("project")}/many.py`,
      `${prelude}
held = []
def hold():
    end = time.time() + 5
    while time.time() < end:
        try:
            client = socket.create_connection(("127.66.0.2", 8000), 1)
            held.append(client)
        except OSError: time.sleep(0.01)
socket.getaddrinfo("allowed.test", 8000)
hold()
`,
    );
    const flood = shell.ask(`for i in 1 2 3 4; do /usr/bin/python3 ${script} & done; wait`);
    await soon(() => calls.sockets.size > 60);
    await Bun.sleep(1_000);
    // What cordon needs for itself is kept: somebody outside is still heard.
    expect(fs.readdirSync(`/proc/${shell.pid}/fd`).length).toBeLessThan(limit - 20);
    for (const port of [1, 2, 3]) expect(await lab.cordon(["allow", `denied.test:${port}`])).toMatchObject({ code: 0 });
    expect((await flood).code).toBe(0);
    await soon(() => calls.sockets.size === 0);
    expect((await shell.ask(`${fetching} http://allowed.test/`)).stdout).toBe("here");
    expect(shell.stderr()).toBe("");
    expect(await shell.leave()).toMatchObject({ code: 0 });
  });
});

describe("places", () => {
  test("clients that leave while their server is looked for give their places back", async () => {
    await answerNames(lab, (query, send) => void setTimeout(() => send(withAddress(query)), 500));
    const prefix = ["sh", "-c", 'ulimit -n 256; exec "$@"', "sh"];
    const shell = await lab.open(["--allow-host", "*.shop.test"], { prefix });
    for (let round = 0; round < 3; round += 1)
      await shell.python(`${prelude}
for count in range(40):
    client = socket.create_connection(("127.66.0.1", 1066), 30)
    # Closed with a reset.
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.sendall(b"GET http://slow.shop.test/ HTTP/1.1\\r\\nHost: slow.shop.test\\r\\n\\r\\n")
    client.close()
time.sleep(0.7)
`);
    expect((await shell.ask("curl -sS -m 30 http://www.shop.test/")).stdout).toBe("here");
  });
});

describe("names", () => {
  test("seventy thousand under a wildcard: SERVFAIL after the last address, and known ones stay", async () => {
    const shell = await lab.open(["--allow-host", "*.shop.test"]);
    await shell.ask(`${fetching} http://www.shop.test/`);
    const { stdout } = await shell.python(`${prelude}
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.connect(("127.0.0.53", 53))
client.settimeout(30)
codes = {}
for i in range(70000):
    label = b"n%07d" % i
    client.send(struct.pack(">6H", i & 0xffff, 0x100, 1, 0, 0, 0) + bytes([len(label)]) + label + b"\\x04shop\\x04test\\0" + struct.pack(">2H", 1, 1))
    code = client.recv(512)[3] & 15
    codes[code] = codes.get(code, 0) + 1
print(codes)
`);
    expect(stdout).toBe("{0: 64999, 2: 5001}\n");
    expect((await shell.ask(`${fetching} http://www.shop.test/`)).stdout).toBe("here");
    expect(memoryOf(shell, "VmHWM")).toBeLessThan(mostBytes);
  });
});

describe("bytes", () => {
  test("heads without end are refused, at once and byte by byte", async () => {
    const calls = await lab.serve("11.1.1.1", 8000, (socket) => socket.resume());
    const shell = await lab.open(["--allow-host", "allowed.test"]);
    for (const how of [fetching, "curl -sS -m 30"]) {
      const { stdout, code } = await shell.ask(
        `head -c 100000 /dev/zero | tr '\\0' x > big; { printf 'X: '; cat big; } > head; ${how} -H @head -o out -w '%{http_code}' http://allowed.test/`,
      );
      expect({ how, answered: code === 0 ? stdout : "cut" }).not.toEqual({ how, answered: "200" });
    }
    const { stdout } = await shell.python(`${prelude}
for where in [("allowed.test", 80), ("127.66.0.1", 1066)]:
    client = socket.create_connection(where, 30)
    try:
        client.sendall(b"GET http://allowed.test/ HTTP/1.1\\r\\n" if where[1] == 1066 else b"GET / HTTP/1.1\\r\\n")
        end = time.time() + 20
        while time.time() < end: client.sendall(b"X-more: drip\\r\\n")
        print("endless")
    except OSError: print("cut")
`);
    expect(stdout).toBe("cut\ncut\n");
    expect((await shell.ask(`${fetching} http://allowed.test/`)).stdout).toBe("here");
    expect(calls.count).toBe(0);
    expect(memoryOf(shell, "VmHWM")).toBeLessThan(mostBytes);
  });

  test("who never reads stops only who sends to it, in both directions", async () => {
    let sent = 0;
    await lab.serve("11.1.1.1", 8000, (socket) => {
      const more = () => {
        while (!socket.destroyed && socket.write(Buffer.alloc(65536))) sent += 65536;
      };
      socket.on("drain", more);
      more();
    });
    await lab.serve("11.1.1.1", 8001, (socket) => socket.pause());
    const shell = await lab.open([8000, 8001, 80].flatMap((port) => ["--allow-host", `allowed.test:${port}`]));
    const { stdout } = await shell.python(`${prelude}
deaf = [socket.create_connection(("allowed.test", 8000), 30) for _ in range(20)]
loud = [socket.create_connection(("allowed.test", 8001), 30) for _ in range(20)]
for client in loud: client.setblocking(False)
end = time.time() + 2
while time.time() < end:
    for client in loud:
        try: client.send(b"x" * 65536)
        except BlockingIOError: pass
    time.sleep(0.001)
import urllib.request
print(urllib.request.build_opener(urllib.request.ProxyHandler({})).open("http://allowed.test/", timeout=30).read())
`);
    expect(stdout).toBe("b'here'\n");
    expect(sent).toBeGreaterThan(0);
    expect(memoryOf(shell, "VmHWM")).toBeLessThan(mostBytes);
  });
});
