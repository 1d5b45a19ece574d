import { bubblewrap } from "../../src/backends/bubblewrap.ts";
import type { Mount, Plan } from "../../src/plan/plan.ts";

/** cordon with the project under an overlay, as a session has it: `PROGRAM rw:ROOM ARGUMENTS…`, or `ro:ROOM`. */
const [, mode, room] = /^(rw|ro):(\/.*)$/.exec(process.argv[2] ?? "") ?? [];

const layMount = (mount: Mount): Mount =>
  mount.kind === "workspace"
    ? {
        kind: "overlay",
        target: mount.target,
        origin: mount.origin,
        lower: mount.source,
        room: room!,
        mode: mode as "rw",
      }
    : mount;
const lay = (plan: Plan): Plan => ({ ...plan, mounts: plan.mounts.map(layMount) });

if (room !== undefined) {
  process.argv.splice(2, 1);
  const { compile, observe } = bubblewrap;
  bubblewrap.observe = (host, plan) => observe(host, lay(plan));
  bubblewrap.compile = (plan, observed) => compile(lay(plan), observed);
}

await import("../../src/main.ts");
