import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { capture, type Finished } from "../exec.ts";
import { copyAbove } from "../libc.ts";
import { openUnnamed } from "../unnamed-file.ts";

/** Runs a tool with bytes behind its descriptors from 3 upwards; an absent input takes what is written to it. */
export const captureWith = async (
  file: string,
  args: string[],
  { env, inputs }: { env: Record<string, string>; inputs: (Uint8Array | undefined)[] },
): Promise<Finished> => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "cordon-doctor-"));
  const opened = inputs.map((bytes, index) => openUnnamed(path.join(directory, `${index}`), bytes ?? new Uint8Array()));
  fs.rmdirSync(directory);
  const fds = opened.map(copyAbove);
  try {
    return await capture(file, args, { env, fds });
  } finally {
    for (const fd of [...opened, ...fds]) fs.closeSync(fd);
  }
};
