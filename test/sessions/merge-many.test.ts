import { expect, test } from "bun:test";
import { spawn } from "node:child_process";
import path from "node:path";
import { readRepository } from "../../src/workspace/repository.ts";
import { type Lab, type LabSession, withLab, workIn } from "./merge-lab.ts";

/** Many sessions of one repository. */

const shared = Array.from({ length: 40 }, (_, at) => `line ${at}\n`);
const sharedWith = (changes: number[]) =>
  shared.map((line, at) => (changes.includes(at / 4) ? `agent ${at / 4}\n` : line)).join("");

test(
  "ten, one after the other, with a host that throws away what nothing leads to",
  () =>
    withLab(async (lab) => {
      lab.commit({ "shared.txt": sharedWith([]) });
      const sessions = Array.from({ length: 10 }, (_, n) =>
        workIn(lab, `s${n}`, (agent) => {
          agent.commit({ "shared.txt": sharedWith([n]), [`own-${n}.txt`]: `${n}\n` });
          agent.put(`late-${n}.txt`, `${n}\n`);
        }),
      );
      for (const [n, session] of sessions.entries()) {
        lab.git("reflog", "expire", "--expire=now", "--all");
        lab.git("gc", "-q", "--prune=now");
        expect(await lab.merge(session)).toMatchObject({ kind: "merged", how: n === 0 ? "fast-forward" : "merge" });
        expect(lab.git("fsck", "--full", "--strict", "--no-dangling")).toBe("");
        expect(lab.git("status", "--porcelain")).toBe("");
      }
      expect(lab.get("shared.txt")).toBe(sharedWith([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
      expect(
        lab
          .git("ls-files")
          .split("\n")
          .filter((name) => /^(own|late)-\d/.test(name)),
      ).toHaveLength(20);
    }),
  60_000,
);

test(
  "four at once take turns, and a conflict of one is no harm to the others",
  () =>
    withLab(async (lab) => {
      lab.commit({ "shared.txt": sharedWith([]) });
      const work = (n: number, more: Record<string, string> = {}) =>
        workIn(lab, `s${n}`, (agent) => agent.commit({ "shared.txt": sharedWith([n]), ...more }));
      const sessions = [work(0), work(1, { "a.txt": "one\n" }), work(2, { "a.txt": "two\n" }), work(3)];
      const results = await Promise.all(sessions.map((session) => mergeElsewhere(lab, session)));
      const kinds = results.map(({ kind }) => kind);
      expect([kinds[0], kinds[3]]).toEqual(["merged", "merged"]);
      expect([kinds[1], kinds[2]].sort()).toEqual(["conflict", "merged"]);
      expect(lab.git("status", "--porcelain")).toBe("");
      const taken = kinds[1] === "merged" ? 1 : 2;
      expect(lab.get("shared.txt")).toBe(sharedWith([0, taken, 3]));
    }),
  60_000,
);

const mergeElsewhere = async (lab: Lab, session: LabSession): Promise<{ kind: string }> => {
  const main = path.join(import.meta.dirname, "merge-main.ts");
  const repository = readRepository(lab.top);
  const request = { host: lab.host, repository, session, tip: session.tip, choice: { kind: "all" } };
  const child = spawn(process.execPath, [main, JSON.stringify(request)], {
    env: { PATH: lab.env.PATH, HOME: lab.at("home") },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const parts: Buffer[] = [];
  child.stdout.on("data", (part) => parts.push(part));
  await new Promise((resolve) => child.on("close", resolve));
  return JSON.parse(Buffer.concat(parts).toString());
};
