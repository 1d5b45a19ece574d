import { afterAll, expect, test } from "bun:test";
import { chmodSync, copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cordonBinary } from "../binary.ts";
import { makeBase } from "./plant.ts";
import { attacks } from "./workspace/catalog.ts";
import { registerAttacks } from "./workspace/register.ts";

const base = makeBase();
afterAll(() => rmSync(base, { recursive: true, force: true }));
// Any uid must be able to run the program, wherever the working tree lies.
const cordon = join(base, "cordon");
copyFileSync(cordonBinary(), cordon);
chmodSync(cordon, 0o755);

const isRoot = process.getuid?.() === 0;
registerAttacks("without a boundary", isRoot ? { uid: 1234 } : {});
registerAttacks("cordon", { cordon });
if (isRoot) registerAttacks("cordon, uid 1234", { cordon, uid: 1234 });

const rows = (kind: string, last: number, ...missing: string[]): string[] =>
  Array.from({ length: last }, (_, at) => `${kind}-${String(at + 1).padStart(2, "0")}`).filter(
    (id) => !missing.includes(id),
  );

test("every row about workspaces is attacked", () => {
  const ids = new Set(attacks.map(({ id }) => id));
  const wanted = [...rows("PE", 17), ...rows("GM", 13), "FS-08", "FS-22", "FS-23", "CF-15"];
  expect(wanted.filter((id) => !ids.has(id))).toEqual([]);
});
