import fs from "node:fs";
import { errorOf } from "../errors.ts";
import { capture } from "../exec.ts";

/** Only there so that nobody waits for ever; a file system on its knees removes a hundred files a second. */
const removeTimeoutMs = 30 * 60_000;

/**
 * Removes a directory that whoever ran inside may have filled: with directories that nobody can enter (the kernel makes
 * one in an overlay's `work`), deeper than any path can say, with links. The system's tools walk it from open directory to
 * open directory; they follow no link and open no file. Nothing may be running in it. One that is gone is removed.
 * Throws E_LAUNCH_FAILED when something is left, or when a link stands in its place.
 */
export const removeRoom = async (directory: string): Promise<void> => {
  const stat = fs.lstatSync(directory, { throwIfNoEntry: false });
  if (!stat) return;
  if (!stat.isDirectory()) throw failed(directory, "it is no directory");
  const remove = () => capture("rm", ["-rf", "--", directory], { timeoutMs: removeTimeoutMs });
  let done = await remove();
  if (done.code !== 0) {
    await capture("chmod", ["-R", "u+rwx", "--", directory], { timeoutMs: removeTimeoutMs });
    done = await remove();
  }
  if (fs.lstatSync(directory, { throwIfNoEntry: false }))
    throw failed(directory, done.stderr.split("\n")[0] || "no reason given");
};

const failed = (directory: string, problem: string): Error =>
  errorOf("E_LAUNCH_FAILED", `cannot remove ${directory}`, problem);
