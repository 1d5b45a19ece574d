import { ptr } from "bun:ffi";
import fs from "node:fs";
import path from "node:path";
import { errorOf } from "../errors.ts";
import source from "./enter.c" with { type: "text" };
import type { Entry } from "./entry.ts";
import { addressesOf, compileNative } from "./native.ts";

/** Names of the places where entering can fail; the order is the one in enter.c. */
const steps = [
  "",
  "start a process",
  "join the limits",
  "set the groups",
  "join the namespaces",
  "start a process inside",
  "start a session",
  "enter the project",
  "drop all rights",
  "load the system call filter",
] as const;

const EACCES = 13;
const ENOENT = 2;
const stackBytes = 64 * 1024;
const resultFields = 3;

/**
 * Enters a sandbox: what `cordon exec` starts as `cordon __enter FD`, with an `Entry` behind that descriptor and a private
 * directory in TMPDIR. Gives the exit status of the program inside. Throws errors of the catalogue.
 */
export const enterSandbox = (descriptor: number): number => {
  const entry = JSON.parse(fs.readFileSync(descriptor, "utf8")) as Entry;
  fs.closeSync(descriptor);
  const { enter } = compileNative(process.env["TMPDIR"]!, source, "enter");
  const layout = layOut(entry);
  const status = enter(ptr(layout.fields));
  if (status >= 0) return (status & 0x7f) === 0 ? status >> 8 : 128 + (status & 0x7f);
  const [step, error] = [Number(layout.fields.at(-2)), Number(layout.fields.at(-1))];
  throw failureOf(step, error, entry.command[0]!);
};

const failureOf = (step: number, error: number, command: string): Error => {
  if (step < steps.length) return errorOf("E_LAUNCH_FAILED", `cannot ${steps[step]} of the sandbox`, `errno ${error}`);
  if (error === ENOENT) return errorOf("E_COMMAND_MISSING", command, "inside, PATH is the one of the sandbox");
  return errorOf("E_COMMAND_UNEXECUTABLE", command, error === EACCES ? "permission denied" : `errno ${error}`);
};

/** The fields of `struct entry`. The buffers that they point to stay alive with the result. */
const layOut = (entry: Entry): { fields: BigInt64Array; buffers: unknown[] } => {
  const buffers: NodeJS.TypedArray[] = [];
  const address = (buffer: NodeJS.TypedArray): bigint => {
    buffers.push(buffer);
    return buffer.length === 0 ? 0n : BigInt(ptr(buffer));
  };
  const text = (value: string) => address(Buffer.from(`${value}\0`));
  const texts = (values: string[]) => address(new BigInt64Array([...values.map(text), 0n]));
  const numbers = (values: number[]) => address(new BigInt64Array([...values, -1].map(BigInt)));
  const stack = () => address(new Uint8Array(stackBytes)) + BigInt(stackBytes);
  const filter = Buffer.from(entry.filter, "base64");
  const fields = new BigInt64Array([
    ...addressesOf("syscall", "clone", "__errno_location"),
    ...[stack(), stack()],
    numbers(entry.limits),
    BigInt(entry.groups?.others.length ?? -1),
    address(new Uint32Array([...(entry.groups?.others ?? []), 0])),
    BigInt(entry.groups?.main ?? 0),
    numbers(entry.namespaces),
    ...[BigInt(entry.firstClosed), BigInt(lastDescriptor()), BigInt(entry.newSession)],
    text(entry.directory),
    // `struct sock_fprog`: the number of 8-byte instructions and where they are.
    address(new BigInt64Array([BigInt(filter.length / 8), address(filter)])),
    texts(candidatesOf(entry)),
    texts(entry.command),
    texts(Object.entries(entry.env).map(([name, value]) => `${name}=${value}`)),
    ...new Array<bigint>(resultFields).fill(0n),
  ]);
  return { fields, buffers };
};

const lastDescriptor = (): number => Math.max(...fs.readdirSync("/proc/self/fd").map(Number)) + 1;

/** Where a program may be inside: its own path, or along the sandbox's PATH. */
const candidatesOf = ({ command, env }: Entry): string[] => {
  const [name] = command as [string];
  if (name.includes("/")) return [name];
  const directories = (env["PATH"] ?? "").split(":").filter((directory) => path.isAbsolute(directory));
  return directories.map((directory) => path.join(directory, name));
};
