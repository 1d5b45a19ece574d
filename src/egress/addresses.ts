/** The four bytes of an IPv4 address, as it is written. */
export type Ipv4 = [number, number, number, number];

/** The names that were asked for in this run, each with an address of its own. */
export type Addresses = {
  /** The address of a name, given out now if the name is new; undefined when there are none left. */
  addressOf: (name: string) => Ipv4 | undefined;
  /** The name behind a dotted address; undefined for every address that was not given out. */
  nameOf: (address: string) => string | undefined;
};

/** 127.66.0.0 is no host and 127.66.0.1 is the proxy. */
const first = 2;

/** Enough for any work, and short of the last address of 127.66.0.0/16, which some clients take for a broadcast. */
const most = 65_000;

/**
 * Addresses in 127.66.0.0/16 for names. An address is never given to a second name: a connection that was opened with
 * an old answer would reach the wrong one. Names are taken as they come, so they should be canonical.
 */
export const createAddresses = (capacity = most): Addresses => {
  const indexes = new Map<string, number>();
  const names = new Map<string, string>();

  const addressOf = (name: string): Ipv4 | undefined => {
    let index = indexes.get(name);
    if (index === undefined) {
      if (indexes.size >= Math.min(capacity, most)) return undefined;
      index = first + indexes.size;
      indexes.set(name, index);
      names.set(bytesOf(index).join("."), name);
    }
    return bytesOf(index);
  };

  return { addressOf, nameOf: (address) => names.get(address) };
};

const bytesOf = (index: number): Ipv4 => [127, 66, index >> 8, index & 0xff];
