import type { Check } from "../backends/backend.ts";
import { isOlder } from "../backends/version.ts";
import { type Distribution, installCommand } from "./distribution.ts";
import { dropSetuid } from "./refusal.ts";

export type BwrapFacts = { path: string; version: number[]; isSetuid: boolean };

// Options that a sandbox of cordon's is made with, and the release notes of bubblewrap that brought them.
const needed = [
  { option: "--perms", since: [0, 5], isRequired: true, without: "directories cannot be made private" },
  { option: "--size", since: [0, 7], isRequired: false, without: "private directories have no size limit" },
  { option: "--disable-userns", since: [0, 8], isRequired: false, without: "the filter alone stops nested namespaces" },
];

/** CVE-2020-5291: a setuid bubblewrap before 0.4.1 gives root away. */
const safeSetuid = [0, 4, 1];

/** Pure: what is known of the bubblewrap that the backend would use, or that there is none. */
export const checkBwrap = (facts: BwrapFacts | undefined, distribution: Distribution, uid: number): Check => {
  const base = { name: "bubblewrap", level: "required" as const };
  const install = installCommand(distribution, "bubblewrap", uid);
  if (!facts) return { ...base, ok: false, found: "`bwrap` is not on PATH", fix: install };
  const { path, version, isSetuid } = facts;
  const number = version.join(".");
  const label = `${path}, version ${number}${isSetuid ? ", setuid root" : ""}`;
  if (version.every((part) => part === 0)) {
    return { ...base, level: "advice", ok: false, found: `${path} does not say its version`, fix: install };
  }
  const lacking = needed.filter(({ since }) => isOlder(version, since));
  const notes = lacking.map(({ option, since, without }) => `no ${option} before ${since.join(".")}: ${without}`);
  const found = [label, ...notes].join("; ");
  const fixes = [
    ...(isSetuid ? [dropSetuid({ bwrap: path, uid })] : []),
    ...(lacking.length > 0 ? [`${install} from a newer release; 0.8 or later is best`] : []),
  ];
  const fix = fixes.join("; ");
  if (isSetuid && isOlder(version, safeSetuid))
    return { ...base, ok: false, found: `${found}; CVE-2020-5291 gives any user root`, fix };
  if (lacking.some(({ isRequired }) => isRequired)) return { ...base, ok: false, found, fix };
  if (fix !== "") return { ...base, level: "advice", ok: false, found, fix };
  return { ...base, ok: true, found };
};
