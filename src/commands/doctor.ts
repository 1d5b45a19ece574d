import { loadBackend } from "../backends/index.ts";
import { isGiven } from "../cli/given.ts";
import { gatherPlaces, repairPlaces } from "../doctor/places.ts";
import { isFailure, renderChecks, renderVerdict } from "../doctor/render.ts";
import { checkSurroundings } from "../doctor/surroundings.ts";
import type { CommandFunction } from "./context.ts";

/**
 * `cordon doctor [--json] [--fix]`: checks this machine with real probes. Exit status 1 when something that the native
 * backend needs is missing. `--fix` touches cordon's own directories only; what needs root is printed.
 */
export const runDoctor: CommandFunction = async ({ host, invocation, out, config }) => {
  const { given } = invocation;
  const isFixing = isGiven(given, "fix");
  const fixed = isFixing ? repairPlaces(gatherPlaces(host.places), host.uid) : [];
  const native = await loadBackend("native");
  const checks = (await Promise.all([native.check(host), checkSurroundings(host, config)])).flat();
  const ok = !checks.some(isFailure);
  if (isGiven(given, "json")) out.json({ ok, checks, ...(isFixing && { fixed }) });
  else {
    for (const line of await renderChecks(checks, out.colour)) out.line(line);
    out.line("");
    for (const line of fixed) out.line(`fixed: ${line}`);
    if (isFixing && fixed.length === 0) out.line("fixed: nothing; there was nothing that is safe to change for you");
    if (isFixing && !checks.every((check) => check.ok))
      out.line("The other fixes are yours to type: cordon never becomes root by itself.");
    out.line(renderVerdict(checks));
  }
  return ok ? 0 : 1;
};
