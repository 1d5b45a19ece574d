import { afterEach, expect, test } from "bun:test";
import fs from "node:fs";
import {
  checkConnectivity,
  closeQuarantine,
  kindsOf,
  openQuarantine,
  receivePack,
} from "../../src/workspace/quarantine.ts";
import { blobOf, entry, insideWith, plantTree } from "./hostile-directory.ts";
import { createLab, type Lab, run } from "./import-lab.ts";
import { packBomb } from "./pack-bomb.ts";

/** The last look at what a sandbox has sent, even if git inside were not what it should be. */

const labs: Lab[] = [];
afterEach(() => {
  for (const lab of labs.splice(0)) lab.close();
});

test("tips must be there with everything that they lead to, in the quarantine or behind the host's refs", async () => {
  const lab = createLab();
  labs.push(lab);
  const call = { git: "/usr/bin/git", repository: lab.repository };
  const bounds = { inputBytes: 1024, memoryBytes: 256 * 1024 * 1024, deadline: performance.now() + 20_000 };
  const quarantine = openQuarantine(lab.at("main/.git/objects"));
  try {
    const look = (tip: string) => checkConnectivity([tip], quarantine, call, bounds);
    expect(await look(lab.base.head!)).toBeUndefined();
    expect(await look("1".repeat(40))).toMatch(/objects are missing/);
    // Rubbish in the host's own store: a commit that nothing leads to, and whose blob has gone.
    const blob = blobOf(lab, "only inside\n");
    const tree = plantTree(lab, [entry("100644", "x", blob)]);
    const commit = insideWith(lab, "loose", "commit-tree", "-p", lab.base.head!, tree);
    for (const id of [tree, commit]) {
      const kind = lab.inside("cat-file", "-t", id);
      const words = ["hash-object", "-t", kind, "-w", "--stdin", "--literally"];
      run(words, lab.env, lab.top, Buffer.from(rawOf(lab, kind, id)));
    }
    expect(lab.git("cat-file", "-t", commit)).toBe("commit");
    expect(await look(commit)).toMatch(/objects are missing/);
    expect(await kindsOf([commit, tree, blob], quarantine, call, bounds)).toMatchObject(
      new Map([
        [commit, "commit"],
        [tree, "tree"],
        [blob, "missing"],
      ]),
    );
  } finally {
    closeQuarantine(quarantine);
  }
});

test("whatever a sandbox sends, the host's own git takes no more memory than it may", async () => {
  const lab = createLab();
  labs.push(lab);
  const { pack, blob } = packBomb(64 * 1024, 4096);
  fs.writeFileSync(lab.at("pack"), pack);
  const receive = async (memoryBytes: number): Promise<[string | undefined, string | undefined]> => {
    const call = { git: "/usr/bin/git", repository: lab.repository };
    const bounds = { inputBytes: 1024 * 1024, memoryBytes, deadline: performance.now() + 60_000 };
    const quarantine = openQuarantine(lab.at("main/.git/objects"));
    try {
      const source = { file: "/bin/cat", args: [lab.at("pack")], env: {} };
      const problem = await receivePack(source, "", quarantine, call, bounds);
      return [problem, (await kindsOf([blob], quarantine, call, bounds)).get(blob)];
    } finally {
      closeQuarantine(quarantine);
    }
  };
  expect(await receive(1024 ** 3)).toEqual([undefined, "blob"]);
  expect(await receive(128 * 1024 ** 2)).toEqual([expect.stringMatching(/out of memory/i), "missing"]);
}, 60_000);

const rawOf = (lab: Lab, kind: string, id: string): Uint8Array =>
  Bun.spawnSync(["/usr/bin/git", "cat-file", kind, id], { env: lab.insideEnv, cwd: lab.top }).stdout;
