import { observeCgroups } from "../../src/backends/cgroup.ts";
import { findProgram } from "../../src/exec.ts";
import { cordonBinary } from "../binary.ts";
import { registerConformance } from "../conformance.ts";

const cordon = [cordonBinary()];
const limits = observeCgroups(findProgram("systemd-run", process.env["PATH"], "/nonexistent")) !== undefined;

registerConformance("native", { cordon, limits });
// A user without a login session: systemd gives no scope, and nothing is delegated.
if (process.getuid?.() === 0) registerConformance("native, uid 1234", { cordon, uid: 1234, limits: false });
