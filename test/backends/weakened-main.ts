import { bubblewrap } from "../../src/backends/bubblewrap.ts";
import { type Weakness, weaken } from "./weakness.ts";

/** cordon with a native backend that leaves something out: `weakened-main.ts WEAKNESS ARGUMENTS…`. */
const [weakness] = process.argv.splice(2, 1);
const { compile } = bubblewrap;
bubblewrap.compile = (plan, observed) => weaken(weakness as Weakness, compile(plan, observed), process.env);

await import("../../src/main.ts");
