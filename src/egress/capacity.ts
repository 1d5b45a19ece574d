import { ptr } from "bun:ffi";
import { loadLibc } from "../libc.ts";

/** More at once is not work any more; it bounds the memory that a sandbox can take. */
const mostConnections = 2000;

/** What cordon needs for itself: files, the terminal, listeners, the control socket, names that are being looked up. */
const reservedDescriptors = 100;

/** Inside and outside, and now and then an attempt at a second address. */
const descriptorsPerConnection = 2.25;

const RLIMIT_NOFILE = 7;

/**
 * How many connections a gateway may hold, so that this process never runs out of descriptors, where everything else
 * would begin to fail (getrlimit(2)).
 */
export const connectionCapacity = (): number => {
  const { getrlimit } = loadLibc({ getrlimit: { args: ["i32", "ptr"], returns: "i32" } });
  const limits = new BigUint64Array(2);
  if (getrlimit(RLIMIT_NOFILE, ptr(limits)) !== 0) return mostConnections;
  const descriptors = Number(limits[0]!) - reservedDescriptors;
  return Math.max(1, Math.min(mostConnections, Math.floor(descriptors / descriptorsPerConnection)));
};
