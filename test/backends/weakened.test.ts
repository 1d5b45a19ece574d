import { expect, test } from "bun:test";
import path from "node:path";
import type { Entry } from "../conformance/world.ts";
import { checks, findBroken } from "../conformance.ts";
import { type Weakness, weaknesses } from "./weakness.ts";

/** The checks that notice each weakness. Without this table nobody would know whether the suite can fail. */
const noticedBy: Record<Weakness, string[]> = {
  none: [],
  "shared network": ["network none: the same server does not", "network none: no interface but loopback, and no route"],
  "writable root": [
    // Whoever is not root cannot write there anyway.
    ...(process.getuid?.() === 0 ? ["system directories and the root are read-only"] : []),
    "tool chains of the home directory are there, read-only",
  ],
  "host's git directory": ["commits come over, and the project's git directory is out of reach"],
  "visible home": [
    "home is hidden: no secret, no name",
    "what is written to home stays inside",
    "standard, the default, shows tool chains and nothing else of the user's",
  ],
  "host environment": [
    "the environment is an allow-list, also that of the sandbox's first process",
    "variables that steer loaders and runtimes stay outside",
    "--env and --env-file set variables; a bare name takes the value it has outside",
  ],
  "joined arguments": ["arguments arrive verbatim"],
};

const weakened = (weakness: Weakness): Entry => ({
  cordon: [process.execPath, path.join(import.meta.dirname, "weakened-main.ts"), weakness],
  limits: false,
});
const named = [...new Set(Object.values(noticedBy).flat())];

for (const weakness of weaknesses) {
  test(`${weakness}: noticed by ${noticedBy[weakness].length} checks`, async () => {
    const broken = await findBroken(named, weakened(weakness));
    expect(noticedBy[weakness].filter((name) => !broken.includes(name))).toEqual([]);
    if (weakness === "none") expect(broken).toEqual([]);
    // cordon itself sees that nothing could be filtered, and does not start at all.
    else if (weakness !== "shared network") expect(broken.length).toBeLessThan(named.length);
  }, 300_000);
}

test("every check has a name of its own", () => {
  expect(new Set(checks.map(({ name }) => name)).size).toBe(checks.length);
});
