import { mostFrameBytes } from "./frames.ts";
import { defaultTableBytes, mostListBytes } from "./hpack.ts";

/** RFC 9113, 6.5.2. */
const setting = {
  ...{ headerTableSize: 1, enablePush: 2, maxConcurrentStreams: 3 },
  ...{ initialWindowSize: 4, maxFrameSize: 5, maxHeaderListSize: 6 },
} as const;
const settingBytes = 6;
const mostSettings = 64;

/** How many streams of one connection may be open at a time. */
export const mostStreams = 1000;

/** The settings of one frame as they go on, and the window of each new stream if they set it. */
export type Settings = { payload: Uint8Array; initialWindow: number | undefined };

/**
 * Takes what the client (or the server) says of itself and makes it no more than the relay can do. What is unknown, and
 * the extended CONNECT, is left out. Undefined when the payload cannot be read. The first frame of a connection also says
 * what would otherwise be left to the defaults.
 */
export const limitSettings = (payload: Uint8Array, isClient: boolean, isFirst: boolean): Settings | undefined => {
  if (payload.length % settingBytes !== 0 || payload.length > mostSettings * settingBytes) return undefined;
  const values = new Map<number, number>();
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  for (let at = 0; at < payload.length; at += settingBytes) values.set(view.getUint16(at), view.getUint32(at + 2));

  const limit = (id: number, most: number): void => {
    const value = values.get(id);
    if (value !== undefined || isFirst) values.set(id, Math.min(value ?? most, most));
  };
  limit(setting.headerTableSize, defaultTableBytes);
  limit(setting.maxHeaderListSize, mostListBytes);
  if (isClient) limit(setting.enablePush, 0);
  else {
    limit(setting.maxConcurrentStreams, mostStreams);
    values.delete(setting.enablePush);
  }
  if (values.has(setting.maxFrameSize)) limit(setting.maxFrameSize, mostFrameBytes);

  const known = [...values].filter(([id]) => id > 0 && id <= setting.maxHeaderListSize);
  return { payload: write(known), initialWindow: values.get(setting.initialWindowSize) };
};

const write = (values: [id: number, value: number][]): Uint8Array => {
  const payload = Buffer.alloc(values.length * settingBytes);
  for (const [index, [id, value]] of values.entries()) {
    payload.writeUInt16BE(id, index * settingBytes);
    payload.writeUInt32BE(value, index * settingBytes + 2);
  }
  return payload;
};
