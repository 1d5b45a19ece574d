import { ptr } from "bun:ffi";
import fs from "node:fs";
import { errorOf } from "../errors.ts";
import { addressesOf, compileNative } from "../guest/native.ts";
import { loadLibc } from "../libc.ts";
import source from "./namespace.c" with { type: "text" };

/** What is to be opened inside. Addresses are IPv4, or `::1`. */
export type Wish =
  | { kind: "listener" | "datagrams" | "connection"; address: string; port: number }
  /** Another address of the loopback interface. `label` makes it one of its own and is at most 15 characters. */
  | { kind: "address"; address: string; mask?: string; label: string };

/** For each wish a descriptor that the caller owns (0 for an address), or a negative error number (errno(3)). */
export type SandboxNetwork = { open(wishes: readonly Wish[]): number[]; close(): void };

/** Names of the places where it can fail; the order is the one in namespace.c. */
const steps = ["", "start a process", "enter the user namespace", "enter the network"] as const;
const kinds = ["listener", "datagrams", "connection", "address"] as const;

type Ioctl = (fd: number, request: number, argument: number) => number;
type OpenInside = ReturnType<typeof compileNative>[string];

const NS_GET_USERNS = 0xb701;
const AF_INET = 2;
const AF_INET6 = 10;
const stackBytes = 64 * 1024;
const fieldsOfWish = 6;
const nameBytes = 16;
const ifreqBytes = 40;

/** The part that takes time and needs no sandbox yet. `scratch` is a private directory. */
export const prepareEntry = (scratch: string): ((pid: number) => SandboxNetwork) => {
  const { ioctl } = loadLibc({ ioctl: { args: ["i32", "u64", "u64"], returns: "i32" } });
  const { open_inside: openInside } = compileNative(scratch, source, "open_inside");
  return (pid) => enterNetwork(pid, ioctl, openInside);
};

/**
 * The network of the sandbox whose first process is `pid`, which must not have been waited for. Throws E_LAUNCH_FAILED
 * where the kernel does not let this user in.
 */
const enterNetwork = (pid: number, ioctl: Ioctl, openInside: OpenInside): SandboxNetwork => {
  const network = fs.openSync(`/proc/${pid}/ns/net`, "r");
  // Never in the network that cordon itself is in: its doors would stand open to the whole machine.
  if (fs.fstatSync(network).ino === fs.statSync("/proc/self/ns/net").ino)
    throw errorOf("E_LAUNCH_FAILED", "the sandbox has no network of its own", "`cordon doctor` looks for the cause");
  // The namespace that owns the network (ioctl_ns(2)), which need not be the one that the process is in by now.
  const user = ioctl(network, NS_GET_USERNS, 0);
  if (user < 0) throw errorOf("E_LAUNCH_FAILED", "cannot find the owner of the sandbox's network", "");
  return {
    open(wishes) {
      if (wishes.length === 0) return [];
      const request = layOut(wishes, user, network);
      if (openInside(ptr(request.fields)) === 0) return request.results();
      const [step, error] = [Number(request.fields.at(-2)), Number(request.fields.at(-1))];
      throw errorOf("E_LAUNCH_FAILED", `cannot ${steps[step]} of the sandbox`, `errno ${error}`);
    },
    close() {
      fs.closeSync(network);
      fs.closeSync(user);
    },
  };
};

/** The fields of `struct request`. The buffers that they point to stay alive with the result. */
const layOut = (wishes: readonly Wish[], user: number, network: number) => {
  const buffers: NodeJS.TypedArray[] = [];
  const address = (buffer: NodeJS.TypedArray): bigint => {
    buffers.push(buffer);
    return BigInt(ptr(buffer));
  };
  const list = new BigInt64Array(
    wishes.flatMap((wish) => {
      const where = wish.kind === "address" ? interfaceOf(wish.label, wish.address) : socketAddress(wish);
      const mask = wish.kind === "address" && wish.mask ? address(interfaceOf(wish.label, wish.mask)) : 0n;
      return [
        ...[BigInt(kinds.indexOf(wish.kind)), BigInt(familyOf(wish.address))],
        ...[address(where), BigInt(where.length), mask, 0n],
      ];
    }),
  );
  const fields = new BigInt64Array([
    ...addressesOf("syscall", "clone", "__errno_location"),
    address(new Uint8Array(stackBytes)) + BigInt(stackBytes),
    ...[BigInt(user), BigInt(network), BigInt(wishes.length)],
    address(list),
    ...[0n, 0n],
  ]);
  const results = (): number[] => wishes.map((_, index) => Number(list[index * fieldsOfWish + fieldsOfWish - 1]));
  return { fields, buffers, results };
};

const familyOf = (address: string): number => (address.includes(":") ? AF_INET6 : AF_INET);

/** `struct sockaddr_in`, or `struct sockaddr_in6` of `::1` (ip(7), ipv6(7)). */
const socketAddress = ({ address, port }: { address: string; port: number }): Buffer => {
  const family = familyOf(address);
  const bytes = Buffer.alloc(family === AF_INET ? 16 : 28);
  writeNative16(bytes, family, 0);
  bytes.writeUInt16BE(port, 2);
  if (family === AF_INET) bytes.set(quad(address), 4);
  else bytes[23] = 1;
  return bytes;
};

/** `struct ifreq` with an address (netdevice(7)). */
const interfaceOf = (label: string, address: string): Buffer => {
  const bytes = Buffer.alloc(ifreqBytes);
  bytes.write(label, 0, nameBytes - 1, "latin1");
  writeNative16(bytes, AF_INET, nameBytes);
  bytes.set(quad(address), nameBytes + 4);
  return bytes;
};

const writeNative16 = (bytes: Buffer, value: number, at: number): void => {
  bytes.set(new Uint8Array(new Uint16Array([value]).buffer), at);
};

const quad = (address: string): number[] => address.split(".").map(Number);
