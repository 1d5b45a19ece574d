import { afterAll } from "bun:test";
import { rmSync } from "node:fs";
import { registerEscape } from "./escape.ts";
import { makeBase, prepareKit } from "./plant.ts";
import { runReference } from "./reference.ts";

const base = makeBase();
const kit = prepareKit(base);
afterAll(() => rmSync(base, { recursive: true, force: true }));

const isRoot = process.getuid?.() === 0;
const runtime = { "FS-18": "root owns bwrap, and pid 1 reaches it past the read-only mount" };

await registerEscape({
  name: "reference",
  runInside: runReference,
  kit,
  knownGaps: isRoot ? runtime : {},
});
if (isRoot) {
  await registerEscape({ name: "reference, uid 1234", runInside: runReference, kit, uid: 1234 });
}
