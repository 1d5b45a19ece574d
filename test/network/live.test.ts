import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import fs from "node:fs";
import path from "node:path";
import { users } from "../run/lab.ts";
import { createNetworkLab, type NetworkLab, sayHttp, soon } from "./lab.ts";

/** Rules that change while sandboxes run, and what is said and written down about denials. */

setDefaultTimeout(120_000);

let lab: NetworkLab;
const fetching = "curl -sS -m 10 --noproxy '*'";

describe.each(users)("rules change under running sandboxes: $name", ({ uid }) => {
  beforeEach(async () => {
    lab = createNetworkLab(uid);
    await lab.serve("11.1.1.1", 80, sayHttp("here"));
    await lab.serve("11.1.1.2", 80, sayHttp("there"));
  });
  afterEach(() => lab.close());

  test("a program that tries again and again gets through as soon as somebody allows it", async () => {
    const shell = await lab.open();
    for (const [host, how] of [
      ["denied.test", fetching],
      ["other.test", "curl -sS -f -m 10"],
    ] as const) {
      const answer = shell.ask(`until ${how} http://${host}/; do sleep 0.02; done 2>/dev/null`);
      await soon(() => lab.audit().some((entry) => entry["event"] === "denied" && entry["host"] === host));
      expect(await lab.cordon(["allow", host])).toMatchObject({ code: 0, stderr: "" });
      expect(await answer).toMatchObject({ code: 0, stdout: "there" });
    }
  });

  test("an open connection is cut when its host is denied, and only that one", async () => {
    const met = await Promise.all(
      ["11.1.1.1", "11.1.1.2"].map((address) => lab.serve(address, 8000, (socket) => socket.write("hi"))),
    );
    const shell = await lab.open(["--allow-host", "allowed.test:8000", "--allow-host", "denied.test:8000"]);
    const answer = shell.python(`import socket
kept, cut = [socket.create_connection((name, 8000)) for name in ("allowed.test", "denied.test")]
print(kept.recv(9), cut.recv(9), flush=True)
try: print(cut.recv(9))
except OSError: print(b"")
kept.settimeout(0.2)
try: print(kept.recv(9))
except TimeoutError: print("still open")
`);
    await soon(() => shell.stdout().includes("b'hi' b'hi'"));
    expect(met.map(({ sockets }) => sockets.size)).toEqual([1, 1]);
    await lab.cordon(["deny", "denied.test"]);
    expect((await answer).stdout).toBe("b'hi' b'hi'\nb''\nstill open\n");
    await soon(() => met[1]!.sockets.size === 0);
  });

  test("a connection that is open and has not begun to speak is cut as well", async () => {
    let said = 0;
    const met = await lab.serve("11.1.1.1", 443, (socket) => socket.on("data", ({ length }) => (said += length)));
    const shell = await lab.open(["--allow-host", "allowed.test"]);
    const answer = shell.python(`import os, socket, ssl, time
client = socket.create_connection(("allowed.test", 443))
while not os.path.exists("denied"): time.sleep(0.02)
try: ssl.create_default_context().wrap_socket(client, server_hostname="allowed.test")
except OSError: print("cut")
`);
    await soon(() => met.count === 1);
    await lab.cordon(["deny", "allowed.test"]);
    lab.write(path.join(lab.at("project"), "denied"), "");
    expect((await answer).stdout).toBe("cut\n");
    expect(said).toBe(0);
  });

  test("what was allowed can be taken back, and what was denied", async () => {
    const shell = await lab.open(["--allow-host", "allowed.test"]);
    const tell = async (...args: string[]) => (await lab.cordon(args)).stdout;
    const reach = async (host: string) => (await shell.ask(`${fetching} http://${host}/`)).code === 0;
    expect(await tell("allow", "denied.test")).toBe("allowed denied.test for 1 running sandbox\n");
    expect(await reach("denied.test")).toBe(true);
    expect(await tell("allow", "--remove", "denied.test")).toBe(
      "no longer allowed: denied.test for 1 running sandbox\n",
    );
    expect(await reach("denied.test")).toBe(false);
    await tell("deny", "*.test");
    expect(await reach("allowed.test")).toBe(false);
    await tell("deny", "--remove", "*.test");
    expect(await reach("allowed.test")).toBe(true);
  });

  test("--run means one sandbox, --running those of the project, --always every one", async () => {
    const elsewhere = path.join(lab.directory, "elsewhere");
    fs.mkdirSync(elsewhere);
    fs.chownSync(elsewhere, uid, uid);
    const shells = [await lab.open(), await lab.open(), await lab.open([], { cwd: elsewhere })];
    const reached = async (host: string) => {
      const answers = await Promise.all(shells.map((shell) => shell.ask(`${fetching} http://${host}/`)));
      return answers.map(({ code }) => code === 0);
    };
    await lab.cordon(["allow", "denied.test", "--run", shells[1]!.id]);
    expect(await reached("denied.test")).toEqual([false, true, false]);
    await lab.cordon(["allow", "denied.test"]);
    expect(await reached("denied.test")).toEqual([true, true, false]);
    await lab.cordon(["allow", "allowed.test", "--project"]);
    expect(await reached("allowed.test")).toEqual([true, true, false]);
    await lab.cordon(["allow", "other.test", "--always"]);
    expect(await reached("other.test")).toEqual([true, true, true]);
    for (const shell of shells) await shell.leave();

    const later = [await lab.open(), await lab.open([], { cwd: elsewhere })];
    const reach = (host: string) =>
      Promise.all(later.map(async (shell) => (await shell.ask(`${fetching} http://${host}/`)).code === 0));
    expect(await reach("denied.test")).toEqual([false, false]);
    expect(await reach("allowed.test")).toEqual([true, false]);
    expect(await reach("other.test")).toEqual([true, true]);
    await lab.cordon(["deny", "other.test", "--always"]);
    expect(await reach("other.test")).toEqual([false, false]);
    expect((await lab.cordon(["allow", "--remove", "allowed.test", "--project"])).stdout).toContain(
      "no longer allowed",
    );
    expect(await reach("allowed.test")).toEqual([false, false]);
  });

  test("a project's own file may deny; what it allows needs trust", async () => {
    const file = path.join(lab.at("project"), ".cordon.toml");
    lab.write(file, '[network]\ndeny = ["denied.test"]\n');
    const shell = await lab.open(["--allow-host", "denied.test", "--allow-host", "allowed.test"]);
    expect((await shell.ask(`${fetching} http://allowed.test/`)).stdout).toBe("here");
    expect((await shell.ask(`curl -sS -m 9 http://denied.test/`)).stdout).toContain(
      "is denied by the rule denied.test of",
    );
    await shell.leave();

    lab.write(file, '[network]\nallow = ["other.test"]\n');
    const refused = await lab.cordon(["run", "--net", "filtered", "--", "true"]);
    expect(refused).toMatchObject({ code: 125 });
    for (const word of ["network.allow", "cordon trust"]) expect(refused.stderr).toContain(word);
    expect(await lab.cordon(["trust", "--yes"])).toMatchObject({ code: 0 });
    const trusted = await lab.open();
    expect((await trusted.ask(`${fetching} http://other.test/`)).stdout).toBe("there");
  });
});

describe("what is said of a denial", () => {
  beforeEach(async () => {
    lab = createNetworkLab();
  });
  afterEach(() => lab.close());
  const sentence = (host: string) =>
    `${host}:80 is not allowed (no rule names it); allow it with: cordon allow ${host}`;

  test("one sentence for the program inside, the person, the log and the question before", async () => {
    const shell = await lab.open();
    const { stdout, stderr } = await shell.ask("curl -sS -i -m 9 http://denied.test/");
    expect(stdout).toStartWith(`HTTP/1.1 403 ${sentence("denied.test")}\r\n`);
    expect(stdout).toEndWith(`cordon: ${sentence("denied.test")}\n`);
    expect(stderr).toBe(`cordon: ${sentence("denied.test")}\n`);
    await shell.leave();
    expect(lab.audit()).toMatchObject([
      { event: "denied", host: "denied.test", port: 80, reason: sentence("denied.test") },
    ]);
    const { stdout: explained } = await lab.cordon(["--net", "filtered", "policy", "explain", "denied.test:80"]);
    expect(explained).toContain(sentence("denied.test"));
  });

  test("cordon log shows the denials, as lines for people and for programs", async () => {
    await lab.serve("11.1.1.1", 80, sayHttp("here"));
    const shell = await lab.open(["--allow-host", "allowed.test"]);
    await shell.ask("curl -s -m 9 http://allowed.test/ http://denied.test/");
    await shell.leave();
    const log = async (...args: string[]) => (await lab.cordon(["log", ...args])).stdout.trimEnd().split("\n");
    const rows = await log();
    expect(rows.length).toBe(2);
    expect(rows.find((row) => row.includes(" allowed "))).toMatch(
      /allowed\.test:80 .*\[http\].*rule allowed\.test from --allow-host/,
    );
    const denials = await log("--denied");
    expect(denials.length).toBe(1);
    expect(denials[0]).toContain(sentence("denied.test").slice("denied.test:80 ".length));
    const [entry] = (await log("--denied", "--json")).map((line) => JSON.parse(line));
    expect(entry).toMatchObject({ event: "denied", host: "denied.test", run: shell.id, project: lab.at("project") });
  });

  test("cordon log -f shows what comes, also across a change of file", async () => {
    const filler = lab.write(lab.auditFile, "");
    const other = { time: new Date().toISOString(), run: "0", project: "/elsewhere", agent: "run" };
    const line = `${JSON.stringify({ ...other, event: "denied", host: "elsewhere.test", reason: "x".repeat(900) })}\n`;
    const lines = Math.floor((8 * 1024 * 1024) / line.length);
    fs.writeFileSync(filler, line.repeat(lines - 8));
    const { program } = lab.begin(["log", "-f", "--denied"]);
    const shell = await lab.open();
    const deny = async (host: string) => {
      await shell.ask(`curl -s -m 9 http://${host}/`);
      await soon(() => program.stdout().includes(` ${host}:80 `), program.stdout);
    };
    await deny("first.test");
    fs.appendFileSync(filler, line.repeat(9));
    await deny("second.test");
    expect(fs.existsSync(`${filler}.1`)).toBe(true);
    await deny("third.test");
    expect(program.stdout().match(/\.test:80/g)!.length).toBe(3);
    expect(fs.statSync(filler).size).toBeLessThan(8 * 1024 * 1024);
    // The rotated file still belongs to the log.
    expect((await lab.cordon(["log", "--denied"])).stdout.match(/\.test:80/g)!.length).toBe(3);
  });

  test("ten thousand denied connections are a few lines", async () => {
    await lab.serve("11.1.1.1", 80, sayHttp("here"));
    // Port 443 stands open for the sake of one name; the other has port 8000 alone.
    const shell = await lab.open(["--allow-host", "shop.test", "--allow-host", "allowed.test:8000"]);
    const { stdout, stderr } = await shell.python(`import socket
for i in range(10000):
    try:
        with socket.create_connection(("allowed.test", 443), 30) as client: client.recv(1)
    except ConnectionResetError: pass
print("done")`);
    expect(stdout).toBe("done\n");
    expect(stderr.split("\n").length).toBe(2);
    expect((await shell.ask(`${fetching} http://shop.test/`)).stdout).toBe("here");
    await shell.leave();
    const denials = lab.audit().filter(({ event }) => event === "denied");
    // Once at once, then a number each ten seconds.
    expect(denials.length).toBeLessThan(20);
    const total = denials.reduce((sum, { count = 1 }) => sum + Number(count), 0);
    expect(total).toBe(10_000);
    expect(denials[0]!["reason"]).toContain("the rule allowed.test:8000 is for other ports");
  });

  test("twenty thousand denied names are as many lines as somebody can read", async () => {
    const shell = await lab.open();
    await shell.python(`import socket, struct
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.connect(("127.0.0.53", 53))
client.settimeout(30)
for i in range(20000):
    label = b"n%07d" % i
    client.send(struct.pack(">6H", i, 0x100, 1, 0, 0, 0) + bytes([len(label)]) + label + b"\\x05other\\x04test\\0" + struct.pack(">2H", 1, 1))
    assert client.recv(512)[3] & 15 == 3
`);
    const { code, stderr } = await shell.leave();
    expect(code).toBe(0);
    expect(stderr.split("\n").length).toBeLessThan(250);
    const denials = lab.audit();
    expect(denials.length).toBeLessThan(2500);
    expect(denials.reduce((sum, { count = 1 }) => sum + Number(count), 0)).toBe(20_000);
  });
});
