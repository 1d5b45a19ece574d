import fs from "node:fs";
import path from "node:path";
import { errorOf } from "../errors.ts";
import type { Step } from "../launch.ts";

/**
 * Carries out one step of a launch. Throws E_LAUNCH_FAILED; when `tolerant`, gives false instead (a teardown goes on
 * whatever happens, and counts a thing that is gone already as done).
 */
export const carryOut = (step: Step, { tolerant }: { tolerant: boolean }): boolean => {
  try {
    perform(step);
    return true;
  } catch (cause) {
    const problem = cause as NodeJS.ErrnoException;
    if (tolerant) return problem.code === "ENOENT";
    throw errorOf("E_LAUNCH_FAILED", `cannot prepare ${step.path}`, problem.message);
  }
};

const perform = (step: Step): void => {
  switch (step.kind) {
    case "make-directory":
      fs.mkdirSync(step.path, { recursive: true, mode: 0o700 });
      break;
    case "write":
      fs.writeFileSync(step.path, step.text, { mode: 0o600 });
      break;
    case "remove-directory":
      removeGroup(step.path);
      break;
  }
};

/** A control group is busy until its last process is reaped, and so are groups that were made inside it. */
const removeGroup = (directory: string): void => {
  for (const entry of fs.readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) removeGroup(path.join(directory, entry.name));
  }
  for (let attempt = 0; ; attempt++) {
    try {
      fs.rmdirSync(directory);
      return;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "EBUSY" || attempt === 50) throw cause;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
};
