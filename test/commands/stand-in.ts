import { spawn } from "node:child_process";
import path from "node:path";
import { type Places, placesOf } from "../../src/places.ts";
import { type Answer, type Request, serveControl } from "../../src/run/control.ts";
import { controlSocket, enterRun, startTicksOf } from "../../src/run/registry.ts";
import { createLab, type Done } from "../run/lab.ts";

/** What commands of the compiled program do with running sandboxes whose control sockets this process serves. */
export const createStage = () => {
  const lab = createLab(process.getuid?.() ?? 0);
  const places: Places = { ...placesOf(lab.env, lab.at("home"), 0), runtime: path.dirname(lab.runs) };
  const servers: { close(): void }[] = [];

  /** A sandbox as the registry sees it; `heard` is what it was asked. */
  const play = (id: string, project = lab.at("project"), answer = (_: Request): Answer => ({ ok: true })) => {
    const heard: Request[] = [];
    const process = { pid: globalThis.process.pid, startTicks: startTicksOf(globalThis.process.pid) };
    const join = { env: {}, groups: [], filter: "" };
    const rest = { agent: "claude", backend: "native", createdAt: new Date().toISOString(), teardown: [], join };
    enterRun(places, { id, project, ...process, ...rest });
    const server = serveControl(controlSocket(places, id), (request) => {
      heard.push(request);
      return answer(request);
    });
    servers.push(server);
    return heard;
  };
  const begin = (args: string[], { cwd = lab.at("project"), env = {} as Record<string, string> } = {}) => {
    const [file, words] = lab.words(args);
    return spawn(file, words, { cwd, env: { ...lab.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  };
  /** Unlike the lab's, this one lets the sandboxes answer meanwhile. */
  const cordon = (args: string[], options: Parameters<typeof begin>[1] = {}): Promise<Done> =>
    new Promise((resolve) => {
      const child = begin(args, options);
      const texts = { stdout: "", stderr: "" };
      for (const name of ["stdout", "stderr"] as const)
        child[name].on("data", (chunk) => {
          texts[name] += chunk;
        });
      child.on("close", (code) => resolve({ code, ...texts }));
    });
  const close = () => {
    for (const server of servers) server.close();
    lab.close();
  };
  return { lab, places, play, begin, cordon, close, project: lab.at("project") };
};
