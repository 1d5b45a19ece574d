import { afterAll } from "bun:test";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { type Desk, type DeskOptions, makeDesk } from "./session-desk.ts";

/** An empty directory that is gone after the last test, whatever was put into it. */
export const makeRoot = (): string => {
  const root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "css-")));
  afterAll(() => {
    spawnSync("chmod", ["-R", "u+rwx", root]);
    spawnSync("rm", ["-rf", root]);
  });
  return root;
};

export const openDesk = (options?: DeskOptions): Desk => makeDesk(makeRoot(), options);
