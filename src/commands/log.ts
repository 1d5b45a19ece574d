import { ptr } from "bun:ffi";
import { styleText } from "node:util";
import { type Given, isGiven } from "../cli/given.ts";
import { type AuditEntry, auditFile, formatEntry } from "../egress/audit.ts";
import { type AuditFilter, followAudit, readAudit } from "../egress/audit-reader.ts";
import { errorOf } from "../errors.ts";
import { escapeControls } from "../terminal/escape.ts";
import { libc } from "../terminal/libc.ts";
import type { CommandFunction } from "./context.ts";

const usualLines = 100;

/** `cordon log [-f] [--denied] [--all] [-n N] [--json]`: what sandboxes of this project asked of the network. */
export const runLog: CommandFunction = async ({ host, invocation, out }) => {
  const { given } = invocation;
  const isForEvery = isGiven(given, "all");
  const filter: AuditFilter = {
    ...(!isForEvery && { within: host.project }),
    onlyDenied: isGiven(given, "denied"),
    ...readCount(given),
  };
  const format = isGiven(given, "json")
    ? (entry: AuditEntry) => formatEntry(entry).trimEnd()
    : (entry: AuditEntry) => describeEntry(entry, isForEvery, out.colour);
  const show = (entry: AuditEntry) => out.line(format(entry));
  const file = auditFile(host.places);
  if (isGiven(given, "follow")) await followAudit(file, filter, show, hasReader);
  else for (const entry of readAudit(file, filter)) show(entry);
  return 0;
};

const readCount = (given: readonly Given[]): { last?: number } => {
  const value = given.findLast(({ flag }) => flag.long === "lines")?.value ?? `${usualLines}`;
  if (value === "all") return {};
  if (!/^\d{1,9}$/.test(value)) throw errorOf("E_OPTION_INVALID", "-n", `\`${value}\` is neither a number nor \`all\``);
  return { last: Number(value) };
};

const POLLERR = 8;

/** False once the other end of a pipe on stdout is closed (poll(2)): `cordon log -f | head -1` shall end. */
const hasReader = (): boolean => {
  const question = new Int16Array(4);
  new Int32Array(question.buffer)[0] = 1;
  libc().poll(ptr(question), 1, 0);
  return (question[3]! & POLLERR) === 0;
};

const hostWidth = 36;

/** Time, verdict, host and port, how often, why. Every text may be the sandbox's own and is made visible. */
const describeEntry = (entry: AuditEntry, withProject: boolean, colour: boolean): string => {
  const { time, event, host, port, count, project } = entry;
  const target = port === undefined ? host : `${host}:${port}`;
  const often = (count === undefined ? "" : `x${count}`).padEnd(5);
  const where = withProject ? [escapeControls(project)] : [];
  const why = escapeControls(describeWhy(entry, target));
  const shown = escapeControls(target).padEnd(hostWidth);
  return [formatTime(time), paint(event, colour), shown, often, ...where, why].join("  ").trimEnd();
};

const paint = (event: AuditEntry["event"], colour: boolean): string => {
  const word = event.padEnd(7);
  if (!colour || event === "allowed" || event === "rule") return word;
  return styleText(event === "denied" ? "red" : "yellow", word, { validateStream: false });
};

/** A reason is a sentence for people, which may begin with what stands in the column before. */
const shorten = (reason: string, target: string): string =>
  reason.startsWith(`${target} `) ? reason.slice(target.length + 1) : reason;

/** A reason names the rule itself where one decided. */
const describeWhy = ({ via, method, path, reason, rule, up, down }: AuditEntry, target: string): string => {
  const parts = [
    ...(method ? [`${method} ${path ?? ""}`.trimEnd()] : []),
    ...(reason ? [shorten(reason, target)] : []),
    ...(rule && !reason ? [`rule ${rule.value} from ${rule.origin}`] : []),
    ...(up !== undefined || down !== undefined ? [`${up ?? 0} bytes up, ${down ?? 0} down`] : []),
  ];
  return `${via ? `[${via}] ` : ""}${parts.join("; ")}`;
};

const formatTime = (time: string): string => {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return "?".padEnd(19);
  const two = (number: number) => String(number).padStart(2, "0");
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join("-");
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":")}`;
};
