import { spawn } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { createLab, type Done, until } from "../run/lab.ts";

/** A program outside with its output so far. `ended` comes after the last byte of it. */
export type Program = { pid: number; stdout: () => string; stderr: () => string; ended: Promise<Done> };
/** A running sandbox, whose shell carries out one script after the other. */
export type Shell = Program & {
  id: string;
  ask: (script: string) => Promise<Done>;
  /** The same for a script of Python. */
  python: (script: string) => Promise<Done>;
  leave: () => Promise<Done>;
};
export type NetworkLab = ReturnType<typeof createNetworkLab>;

const askMs = 60_000;

/** One user's home and project with servers of the small internet beside them; all of it runs in this process. */
export const createNetworkLab = (uid = 0, extra: Record<string, string> = {}) => {
  const lab = createLab(uid);
  const env: Record<string, string> = { ...lab.env, PATH: `${lab.env.PATH}:/usr/sbin:/sbin`, ...extra };
  const programs: Program[] = [];
  const closers: (() => void)[] = [];

  const begin = (args: string[], { cwd = lab.at("project"), prefix = [] as string[] } = {}) => {
    const [file, words] = lab.words(args);
    const [first = file, ...rest] = [...prefix, file, ...words];
    const child = spawn(first, rest, { cwd, env, stdio: ["pipe", "pipe", "pipe"] });
    const texts = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) child[name].on("data", (chunk) => (texts[name] += chunk));
    child.stdin.on("error", () => {});
    const ended = new Promise<Done>((resolve) => {
      child.on("close", (code, signal) => resolve({ code: code ?? 128 + os.constants.signals[signal!], ...texts }));
    });
    const program: Program = { pid: child.pid!, stdout: () => texts.stdout, stderr: () => texts.stderr, ended };
    programs.push(program);
    return { program, input: child.stdin };
  };
  const cordon = async (args: string[], options: Parameters<typeof begin>[1] = {}): Promise<Done> => {
    const { program, input } = begin(args, options);
    input.end();
    return await program.ended;
  };
  const recordOf = (pid: number) =>
    fs.existsSync(lab.runs) ? fs.readdirSync(lab.runs).find((id) => lab.recordOf(id)?.pid === pid) : undefined;

  /** Starts `sh` behind a filtered network, perhaps in the place of an agent's program, and waits until it answers. */
  const open = async (
    options: string[] = [],
    { agent, ...place }: Parameters<typeof begin>[1] & { agent?: string } = {},
  ): Promise<Shell> => {
    const filtered = ["--net", "filtered", ...options];
    if (agent !== undefined) write(path.join(lab.at("home"), ".local/bin", agent), "#!/bin/sh\nexec sh\n", 0o755);
    const { program, input } = begin(agent ? [...filtered, agent] : ["run", ...filtered, "--", "sh"], place);
    let asked = 0;
    let isGone = false;
    program.ended.then(() => {
      isGone = true;
    });
    const ask = async (script: string): Promise<Done> => {
      asked += 1;
      const mark = `<answer ${asked} `;
      const from = { stdout: program.stdout().length, stderr: program.stderr().length };
      input.write(`{ ${script}\n} </dev/null; printf '${mark}%s>\\n' $?\n`);
      const isOver = () => {
        if (program.stdout().includes(mark, from.stdout) && program.stdout().endsWith(">\n")) return true;
        if (isGone) throw new Error(`it has ended without an answer to ${script}: ${program.stderr()}`);
        return false;
      };
      await soon(isOver, () => `no answer to ${script}: ${program.stdout()} ${program.stderr()}`, askMs);
      const text = program.stdout().slice(from.stdout);
      const at = text.lastIndexOf(mark);
      const code = Number.parseInt(text.slice(at + mark.length), 10);
      return { code, stdout: text.slice(0, at), stderr: program.stderr().slice(from.stderr) };
    };
    const python = (script: string): Promise<Done> =>
      ask(`/usr/bin/python3 ${write(path.join(lab.at("project"), `script-${asked}.py`), script)}`);
    const leave = (): Promise<Done> => {
      input.end();
      return program.ended;
    };
    await ask("true");
    return { ...program, id: recordOf(program.pid)!, ask, python, leave };
  };

  /** A server on one address; `talk` gets every connection. Gives how many came. */
  const serve = async (address: string, port: number, talk: (socket: net.Socket) => void) => {
    const sockets = new Set<net.Socket>();
    const seen = { count: 0, port: 0, sockets };
    const server = net.createServer((socket) => {
      seen.count += 1;
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => sockets.delete(socket));
      talk(socket);
    });
    await new Promise<void>((resolve, reject) => {
      server.on("error", reject);
      server.listen({ port, host: address, backlog: 4096 }, resolve);
    });
    seen.port = (server.address() as net.AddressInfo).port;
    closers.push(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return seen;
  };
  const close = (): void => {
    for (const { pid } of programs) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {}
    }
    for (const stop of closers) stop();
    lab.close();
  };
  const auditFile = path.join(env["HOME"]!, ".local/state/cordon/audit.jsonl");
  const audit = (): Record<string, unknown>[] =>
    fs.existsSync(auditFile)
      ? fs
          .readFileSync(auditFile, "utf8")
          .split("\n")
          // Behind the last newline stands what is not written yet.
          .slice(0, -1)
          .map((line) => JSON.parse(line))
      : [];
  /** A file of the user's, with its directories. */
  const write = (file: string, text: string, mode = 0o644): string => {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
    fs.chmodSync(file, mode);
    for (let at = file; at !== lab.directory; at = path.dirname(at)) fs.chownSync(at, uid, uid);
    return file;
  };
  return {
    ...lab,
    env,
    begin,
    cordon,
    open,
    serve,
    audit,
    auditFile,
    write,
    onClose: closers.push.bind(closers),
    close,
  };
};

/** Waits for something that must come; says what is the matter when it does not. */
export const soon = async (isTrue: () => boolean, complain = () => "", limitMs = 30_000): Promise<void> => {
  for (const end = Date.now() + limitMs; !isTrue(); await Bun.sleep(5))
    if (Date.now() > end) throw new Error(`never came true: ${isTrue} ${complain()}`);
};

/** Speaks HTTP to one request after the other: every one gets these words. */
export const sayHttp =
  (words: string) =>
  (socket: net.Socket): void => {
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      for (let end = text.indexOf("\r\n\r\n"); end >= 0; end = text.indexOf("\r\n\r\n")) {
        text = text.slice(end + 4);
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${words.length}\r\n\r\n${words}`);
      }
    });
    socket.on("end", () => socket.end());
  };

/** What a process holds in memory. */
export const residentMegabytes = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;

export { until };
