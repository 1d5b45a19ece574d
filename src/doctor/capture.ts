import fs from "node:fs";
import { capture, type Finished } from "../exec.ts";
import { copyAbove } from "../libc.ts";
import { openUnnamed } from "../unnamed-file.ts";

/** Runs a tool with bytes behind its descriptors from 3 upwards; an absent input takes what is written to it. */
export const captureWith = async (
  file: string,
  args: string[],
  { env, inputs }: { env: Record<string, string>; inputs: (Uint8Array | undefined)[] },
): Promise<Finished> => {
  const opened = inputs.map((bytes) => openUnnamed(bytes ?? new Uint8Array()));
  const fds = opened.map(copyAbove);
  try {
    return await capture(file, args, { env, fds });
  } finally {
    for (const fd of [...opened, ...fds]) fs.closeSync(fd);
  }
};
