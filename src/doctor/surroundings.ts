import fs from "node:fs";
import { catalog } from "../agents/catalog.ts";
import type { Check } from "../backends/backend.ts";
import { CordonError } from "../errors.ts";
import { findProgram } from "../exec.ts";
import type { Host } from "../host.ts";
import { checkGroups, checkKvm } from "./identity.ts";
import { checkDisk, checkPlaces, gatherPlaces, measureDisk } from "./places.ts";
import { gatherSituation, readText } from "./situation.ts";
import { checkTools } from "./tools.ts";
import { userName } from "./user.ts";

/** What belongs to no backend: the user, the tools beside cordon, its places, its configuration. */
export const checkSurroundings = async (host: Host, readConfig: () => Promise<unknown>): Promise<Check[]> => {
  const user = userName(host.uid);
  const { distribution } = gatherSituation(host);
  const disk = measureDisk(host);
  const [configuration, tools] = await Promise.all([checkConfig(readConfig), checkTools(host, distribution)]);
  return [
    configuration,
    checkPlaces(gatherPlaces(host.places), host.uid),
    checkDisk(disk.availableBytes, disk.directory),
    checkAgents(findAgents(host)),
    ...tools,
    checkGroups(process.getgroups?.() ?? [], readText("/etc/group") ?? "", user, host.uid),
    ...(host.platform === "linux" ? [checkKvm(lookAtKvm(), user, host.uid)] : []),
    checkTerminal(host.tty, host.env["TERM"]),
  ];
};

/** A broken configuration is one line here: doctor must work when nothing else does. */
export const checkConfig = async (read: () => Promise<unknown>): Promise<Check> => {
  const base = { name: "configuration", level: "required" as const };
  try {
    await read();
    return { ...base, ok: true, found: "readable" };
  } catch (error) {
    if (!(error instanceof CordonError)) throw error;
    return { ...base, ok: false, found: error.message, ...(error.hint !== undefined && { fix: error.hint }) };
  }
};

/** Pure. */
export const checkAgents = (found: string[]): Check => {
  const base = { name: "agents", level: "advice" as const };
  if (found.length > 0) return { ...base, ok: true, found: found.join(", ") };
  const [first] = catalog;
  return { ...base, ok: false, found: "none on PATH", ...(first && { fix: `${first.install}, or another agent` }) };
};

const findAgents = (host: Host): string[] =>
  catalog.filter(({ command }) => findProgram(command, host.env["PATH"], host.project)).map(({ name }) => name);

/** Pure. */
export const checkTerminal = (tty: Host["tty"], term: string | undefined): Check => {
  const base = { name: "terminal", level: "advice" as const };
  const streams = Object.entries(tty).flatMap(([name, isTerminal]) => (isTerminal ? [name] : []));
  if (streams.length === 0) return { ...base, ok: true, found: "none: plain streams" };
  const found = `${streams.join(", ")}; TERM=${term ?? ""}`;
  if (term !== undefined && term !== "" && term !== "dumb") return { ...base, ok: true, found };
  return { ...base, ok: false, found, fix: "set TERM to what your terminal is, such as xterm-256color" };
};

const lookAtKvm = (): "open" | "denied" | "missing" => {
  try {
    fs.accessSync("/dev/kvm", fs.constants.R_OK | fs.constants.W_OK);
    return "open";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? "missing" : "denied";
  }
};
