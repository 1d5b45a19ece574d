import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import net from "node:net";
import path from "node:path";
import { users } from "../run/lab.ts";
import { createNetworkLab, type NetworkLab, sayHttp, soon } from "./lab.ts";

/** Single ports that lead in and out: services of this machine, servers inside. */

setDefaultTimeout(120_000);

let lab: NetworkLab;
const fetching = "curl -sS -m 10 --noproxy '*'";

/** A server inside that answers every connection with a word and the address at which it was reached. */
const server = (address: string, port: number, word = "inside") => `import socket
server = socket.create_server(("${address}", ${port}), family=${address.includes(":") ? "socket.AF_INET6" : "socket.AF_INET"})
print("up", flush=True)
while True:
    client, _ = server.accept()
    client.sendall(b"${word}")
    client.close()
`;

/** What a port outside says first; `refused` when nobody is there. */
const hear = (address: string, port: number): Promise<string> =>
  new Promise((resolve) => {
    let text = "";
    const socket = net.connect(port, address);
    socket.on("data", (chunk) => (text += chunk));
    socket.on("error", (error: NodeJS.ErrnoException) =>
      resolve(error.code === "ECONNREFUSED" ? "refused" : error.code!),
    );
    socket.on("close", () => resolve(text));
  });

/** A port of 127.0.0.1 on which nobody listens at the moment. */
const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const probe = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as net.AddressInfo;
      probe.close(() => resolve(port));
    });
  });

/** Runs a program with a terminal as its stderr alone, and copies what comes there. */
const terminalAsStderr = `import os, sys
outer, inner = os.openpty()
if os.fork() == 0:
    os.close(inner)
    try:
        while True: os.write(2, os.read(outer, 4096))
    except OSError: os._exit(0)
os.close(outer)
os.dup2(inner, 2)
os.execvp(sys.argv[1], sys.argv[1:])
`;

afterEach(() => lab.close());

describe.each(users)("services of this machine: $name", ({ uid }) => {
  test("--host-port leads to 127.0.0.1 or ::1 of the host, and to that port only", async () => {
    lab = createNetworkLab(uid);
    const four = await lab.serve("127.0.0.1", 0, sayHttp("four"));
    const six = await lab.serve("::1", 0, sayHttp("six"));
    const other = await lab.serve("127.0.0.1", 0, sayHttp("other"));
    const dead = await freePort();
    const shell = await lab.open([four.port, six.port, dead].flatMap((port) => ["--host-port", `${port}`]));
    for (const host of ["127.0.0.1", "localhost", "[::1]"]) {
      expect((await shell.ask(`${fetching} http://${host}:${four.port}/`)).stdout).toBe("four");
      expect((await shell.ask(`${fetching} http://${host}:${six.port}/`)).stdout).toBe("six");
      expect((await shell.ask(`${fetching} http://${host}:${other.port}/`)).code).toBe(7);
    }
    expect((await shell.ask(`${fetching} http://127.0.0.1:${dead}/`)).code).not.toBe(0);
    expect(other.count).toBe(0);
    await shell.leave();
    expect(lab.audit()).toContainEqual(
      expect.objectContaining({ event: "allowed", via: "host-port", port: four.port }),
    );
    expect(lab.audit()).toContainEqual(expect.objectContaining({ event: "failed", via: "host-port", port: dead }));
  });

  test("a model server on the loopback that a variable names is the only port that opens", async () => {
    const model = await createWithModel(uid);
    lab.write(
      path.join(lab.at("home"), ".local/bin/my-agent"),
      '#!/bin/sh\nfor last; do :; done\neval "$last"\n',
      0o755,
    );
    const agent = ["--net", "filtered", "--agent-command", path.join(lab.at("home"), ".local/bin/my-agent"), "claude"];
    const script = `${fetching} "$ANTHROPIC_BASE_URL/"; echo; ${fetching} http://127.0.0.1:${model.other.port}/; echo $?`;
    const { stdout } = await lab.cordon([...agent, script]);
    expect(stdout).toBe("model\n7\n");
    expect(model.other.count).toBe(0);
  });
});

const createWithModel = async (uid: number) => {
  lab = createNetworkLab(uid);
  const model = await lab.serve("127.0.0.1", 0, sayHttp("model"));
  const other = await lab.serve("127.0.0.1", 0, sayHttp("other"));
  lab.env["ANTHROPIC_BASE_URL"] = `http://127.0.0.1:${model.port}`;
  return { model, other };
};

describe("ports inside", () => {
  beforeEach(() => {
    lab = createNetworkLab();
  });

  test("-P offers a port, also under another number, on 127.0.0.1 alone", async () => {
    const [same, outside] = [await freePort(), await freePort()];
    const shell = await lab.open(["-P", `${same}`, "-P", `4321:${outside}`]);
    // Published, though nobody inside listens yet.
    expect(await hear("127.0.0.1", same)).toBe("ECONNRESET");
    const places = [same, 4321].map((port, at) =>
      lab.write(path.join(lab.at("project"), `${port}.py`), server("127.0.0.1", port, `${at}`)),
    );
    for (const place of places)
      await shell.ask(
        `/usr/bin/python3 ${place} > ${place}.out 2>&1 & until grep -qs up ${place}.out; do sleep 0.02; done`,
      );
    expect(await hear("127.0.0.1", same)).toBe("0");
    expect(await hear("127.0.0.1", outside)).toBe("1");
    for (const address of ["11.1.1.1", "192.168.7.7", "::1", "127.0.0.2"]) {
      expect(await hear(address, same)).toBe("refused");
      expect(await hear(address, outside)).toBe("refused");
    }
    expect(await hear("127.0.0.1", 4321)).toBe("refused");
    expect(shell.stderr()).toBe("");
    await shell.leave();
    expect(await hear("127.0.0.1", same)).toBe("refused");
  });

  test("a port that begins to listen later is announced on a terminal, and cordon publish offers it", async () => {
    const port = await freePort();
    const wrapper = lab.write(path.join(lab.directory, "terminal.py"), terminalAsStderr);
    const shell = await lab.open([], { prefix: ["/usr/bin/python3", wrapper] });
    const place = lab.write(path.join(lab.at("project"), "server.py"), server("::1", port));
    await shell.ask(`/usr/bin/python3 ${place} >/dev/null 2>&1 &`);
    const sentence = `cordon: port ${port} listens inside; reach it with: cordon publish ${port}\r\n`;
    await soon(() => shell.stderr().includes(sentence), shell.stderr);
    expect(await hear("127.0.0.1", port)).toBe("refused");
    expect(await lab.cordon(["publish", `${port}`])).toEqual({ code: 0, stdout: `127.0.0.1:${port}\n`, stderr: "" });
    expect(await hear("127.0.0.1", port)).toBe("inside");
    const other = await freePort();
    expect((await lab.cordon(["publish", `${port}:${other}`, shell.id])).stdout).toBe(`127.0.0.1:${other}\n`);
    expect(await hear("127.0.0.1", other)).toBe("inside");
    expect(shell.stderr()).toBe(sentence);
  });

  test("-P auto offers every port that begins to listen, at another number where its own is taken", async () => {
    const [free, taken] = [await freePort(), (await lab.serve("127.0.0.1", 0, (socket) => socket.end("host"))).port];
    const shell = await lab.open(["-P", "auto"]);
    for (const port of [free, taken]) {
      const place = lab.write(path.join(lab.at("project"), `${port}.py`), server("0.0.0.0", port));
      await shell.ask(`/usr/bin/python3 ${place} >/dev/null 2>&1 &`);
    }
    const found = (port: number) =>
      new RegExp(`cordon: port ${port} inside is at 127\\.0\\.0\\.1:(\\d+)\n`).exec(shell.stderr())?.[1];
    await soon(() => found(free) !== undefined && found(taken) !== undefined, shell.stderr);
    expect(Number(found(free))).toBe(free);
    expect(Number(found(taken))).not.toBe(taken);
    expect(await hear("127.0.0.1", Number(found(taken)))).toBe("inside");
    expect(await hear("127.0.0.1", taken)).toBe("host");
    expect(await hear("11.1.1.1", Number(found(taken)))).toBe("refused");
  });

  test("a port outside that is taken is one clear sentence, and the run goes on", async () => {
    const { port } = await lab.serve("127.0.0.1", 0, (socket) => socket.end("host"));
    const shell = await lab.open(["-P", `4321:${port}`]);
    const problem = `port ${port} of this machine is taken`;
    await soon(() => shell.stderr() !== "");
    expect(shell.stderr()).toBe(`cordon: port 4321 is not published: ${problem}\n`);
    const refused = await lab.cordon(["publish", `4321:${port}`]);
    expect(refused).toMatchObject({ code: 125, stdout: "" });
    expect(refused.stderr).toContain(problem);
    expect(await hear("127.0.0.1", port)).toBe("host");
  });

  test("two sandboxes want one port: the second gets the sentence", async () => {
    const port = await freePort();
    const first = await lab.open(["-P", `${port}`]);
    const second = await lab.open(["-P", `${port}:${port}`]);
    await soon(() => second.stderr() !== "");
    expect(second.stderr()).toBe(`cordon: port ${port} is not published: port ${port} of this machine is taken\n`);
    expect(first.stderr()).toBe("");
  });
});

describe("addresses in rules", () => {
  test("an address that a rule spells out is reached at its port, and no other is", async () => {
    lab = createNetworkLab();
    await lab.serve("192.168.7.7", 8080, sayHttp("lan"));
    const others = [
      await lab.serve("192.168.7.7", 8081, sayHttp("other port")),
      await lab.serve("10.1.2.3", 8080, sayHttp("other address")),
    ];
    const shell = await lab.open(["--allow-host", "192.168.7.7:8080"]);
    for (const how of [fetching, "curl -sS -m 10"])
      expect((await shell.ask(`${how} http://192.168.7.7:8080/`)).stdout).toBe("lan");
    for (const where of ["192.168.7.7:8081", "10.1.2.3:8080"])
      expect((await shell.ask(`curl -sSf -m 10 http://${where}/; ${fetching} http://${where}/`)).code).not.toBe(0);
    expect(others.map(({ count }) => count)).toEqual([0, 0]);
    await lab.cordon(["allow", "10.1.2.3:8080"]);
    expect((await shell.ask(`${fetching} http://10.1.2.3:8080/`)).stdout).toBe("other address");
    await lab.cordon(["deny", "192.168.7.7"]);
    expect((await shell.ask(`${fetching} http://192.168.7.7:8080/`)).code).not.toBe(0);
  });
});
