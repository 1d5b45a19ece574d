import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import {
  blobOf,
  entry,
  expectRefused,
  fetchPlainly,
  has,
  insideWith,
  plantCommit,
  plantTree,
} from "./hostile-directory.ts";
import { run, useLabs } from "./import-lab.ts";
import { packBomb } from "./pack-bomb.ts";

/** A private git directory in the hands of an attacker (ATTACKS GM-*). Each case shows first what a plain git does with it. */

const open = useLabs();

describe("trees that git would never write (GM-03)", () => {
  const cases: Record<string, (blob: string, tree: string) => Buffer[]> = {
    ".git": (_, tree) => [entry("40000", ".git", tree)],
    ".GIT, which is the same on some systems": (_, tree) => [entry("40000", ".GIT", tree)],
    "..": (_, tree) => [entry("40000", "..", tree)],
    ".": (_, tree) => [entry("40000", ".", tree)],
    "a slash": (blob) => [entry("100644", "a/b", blob)],
    "two of one name": (blob) => [entry("100644", "a", blob), entry("100644", "a", blob)],
    "out of order": (blob) => [entry("100644", "b", blob), entry("100644", "a", blob)],
    "a link called .gitmodules": (blob) => [entry("120000", ".gitmodules", blob)],
  };
  test.each(Object.keys(cases))("%s", async (name) => {
    const lab = open();
    const blob = blobOf(lab, "evil\n");
    const id = plantCommit(lab, plantTree(lab, cases[name]!(blob, plantTree(lab, [entry("100644", "config", blob)]))));
    expect(fetchPlainly(lab).code).toBe(0);
    expect(has(lab, id, lab.at("naive"))).toBe(true);
    await expectRefused(lab, /git refuses its objects/);
    expect(has(lab, id)).toBe(false);
  });
});

describe(".gitmodules (GM-06)", () => {
  const modules = (url: string, name = "sub", at = "sub") => `[submodule "${name}"]\n\tpath = ${at}\n\turl = ${url}\n`;
  test.each([
    ["a url that is an option", modules("-u./payload")],
    ["a name that climbs", modules("./x", "../../modules/x")],
    ["a path that is an option", modules("./x", "sub", "--upload-pack=x")],
    ["an update command", `${modules("./x")}\tupdate = !touch /ran\n`],
  ])("%s is refused", async (_, text) => {
    const lab = open();
    const id = plantCommit(lab, plantTree(lab, [entry("100644", ".gitmodules", blobOf(lab, text))]));
    expect(fetchPlainly(lab).code).toBe(0);
    await expectRefused(lab, /git refuses its objects/);
    expect(has(lab, id)).toBe(false);
  });

  test.each([
    ["ext::", modules("ext::sh -c touch% /ran")],
    ["a carriage return", modules("./x", "sub", '"sub\r"')],
  ])("%s comes in beside the branch, and nothing goes into it", async (_, text) => {
    const lab = open();
    const tree = [entry("100644", ".gitmodules", blobOf(lab, text)), entry("160000", "sub", lab.base.head!)];
    const id = plantCommit(lab, plantTree(lab, tree));
    const result = await lab.bring();
    expect(result.kept).toMatchObject([{ id, reason: { kind: "gitlink" } }]);
    expect(lab.git("rev-parse", "main")).toBe(lab.base.head!);
    expect(fs.existsSync(path.join(lab.top, "sub"))).toBe(false);
  });
});

describe("ref names (GM-01)", () => {
  const names = ["--upload-pack=touch$IFS", "-x", "$(touch$IFS'x')", "a;b", "HEAD", `${"f".repeat(40)}`];
  test("options, commands and controls are data", async () => {
    const lab = open();
    const tip = lab.commit("file", "two\n");
    const rare = ["c1-\u009b31m", "right-\u202eto-left", "zero-\u200bwidth", `long-${"x".repeat(210)}`];
    const rows = [...names, ...rare].map((name) => `${tip} refs/heads/${name}\n`);
    fs.appendFileSync(
      path.join(lab.priv, "packed-refs"),
      Buffer.concat([Buffer.from(rows.join("")), Buffer.from(`${tip} refs/heads/no-utf8-\xff\n`, "latin1")]),
    );
    expect(fetchPlainly(lab).code).toBe(0);
    expect(run(["for-each-ref"], lab.env, lab.at("naive"))).toContain("\u009b31m");
    const { imported, kept, hints, problems } = await lab.bring();
    expect(problems).toEqual([]);
    const brought = imported.map(({ ref }) => ref).sort();
    expect(brought).toEqual(["refs/heads/$(touch$IFS'x')", "refs/heads/a;b", "refs/heads/main"]);
    expect(kept.map(({ ref }) => ref)).toContain(`refs/cordon/run1/unnamed/${tip}`);
    const said = JSON.stringify([
      imported.map(({ ref }) => ref),
      kept.map(({ ref }) => ref),
      hints,
      lab.git("for-each-ref"),
    ]);
    expect(said).not.toMatch(/[\u0080-\u009f\u200b\u202e\uffff]/);
    expect(lab.git("rev-parse", "HEAD")).toBe(tip);
  });

  test("a hint's command is quoted", async () => {
    const lab = open();
    lab.inside("checkout", "-q", "-b", "x;touch$IFS'ran';$(touch$IFS'ran')'");
    const tip = lab.commit("file", "two\n");
    const { hints } = await lab.bring();
    spawnSync("sh", ["-c", hints[0]!.command], { cwd: lab.top, env: lab.env });
    expect(fs.existsSync(path.join(lab.top, "ran"))).toBe(false);
    expect(lab.git("rev-parse", "HEAD")).toBe(tip);
  });
});

describe("more than anyone wants (GM-09)", () => {
  test("more bytes than allowed", async () => {
    const lab = open();
    lab.commit("file", randomBytes(3 * 1024 * 1024).toString("base64"));
    expect(fetchPlainly(lab).code).toBe(0);
    await expectRefused(lab, /more than 1 MiB of new objects/, { inputBytes: 1024 * 1024 });
  });

  test("a small pack of a large file is never held in memory", async () => {
    const lab = open();
    const zeros = lab.at("zeros");
    fs.writeFileSync(zeros, "");
    fs.truncateSync(zeros, 400 * 1024 * 1024);
    const blob = lab.inside("-c", "core.bigFileThreshold=1m", "hash-object", "-w", "--no-filters", zeros);
    const id = plantCommit(lab, plantTree(lab, [entry("100644", "zeros", blob)]));
    expect(await lab.bring({ limits: { memoryBytes: 200 * 1024 * 1024, inputBytes: 8 * 1024 * 1024 } })).toMatchObject({
      imported: [{ id }],
      problems: [],
    });
  }, 60_000);

  test("a delta that grows to more than the memory allowed", async () => {
    const lab = open();
    const { pack, blob } = packBomb(64 * 1024, 4096);
    insideWith(lab, pack, "index-pack", "--stdin");
    plantCommit(lab, plantTree(lab, [entry("100644", "bomb", blob)]));
    expect(pack.length).toBeLessThan(64 * 1024);
    expect(fetchPlainly(lab).code).toBe(0);
    expect(run(["cat-file", "-s", blob], lab.env, lab.at("naive"))).toBe(String(256 * 1024 * 1024));
    await expectRefused(lab, /out of memory/i, { memoryBytes: 128 * 1024 * 1024 });
  }, 60_000);

  test("twenty thousand refs: the branch that was worked on comes all the same", async () => {
    const lab = open();
    const tip = lab.commit("file", "two\n");
    const rows = Array.from({ length: 20_000 }, (_, index) => `${tip} refs/heads/flood/${index}\n`).join("");
    fs.appendFileSync(path.join(lab.priv, "packed-refs"), rows);
    expect(fetchPlainly(lab).code).toBe(0);
    const { imported, problems } = await lab.bring();
    expect(imported.map(({ ref }) => ref)).toEqual(["refs/heads/main"]);
    expect(problems).toEqual([expect.stringMatching(/20001 refs are new, and at most 2000/)]);
    expect(lab.git("for-each-ref").split("\n")).toHaveLength(1);
  }, 60_000);

  test("few trees that describe more files than any index holds", async () => {
    const lab = open();
    let tree = plantTree(lab, [entry("100644", "f", blobOf(lab, "x"))]);
    for (let level = 0; level < 10; level++)
      tree = plantTree(
        lab,
        Array.from({ length: 10 }, (_, index) => entry("40000", `d${index}`, tree)),
      );
    const id = plantCommit(lab, tree);
    const result = await lab.bring();
    expect(result).toMatchObject({ imported: [], problems: [], kept: [{ id, reason: { kind: "too-large" } }] });
    expect(lab.git("rev-parse", "main")).toBe(lab.base.head!);
    expect(lab.git("status", "--porcelain")).toBe("");
  }, 90_000);
});
