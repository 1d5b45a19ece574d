import { expect, test } from "bun:test";
import { join } from "node:path";
import { attacks } from "./catalog.ts";
import type { Boundary } from "./stage.ts";

type Line = { index: number; got?: string; failed?: string };

const TIMEOUT_MS = 400_000;

/** Starts all attacks as one user, in the background, and registers one test for each. */
export function registerAttacks(name: string, boundary: Boundary): void {
  const uid = boundary.uid ?? process.getuid?.();
  const chosen = attacks.flatMap((attack, index) => (attack.isForUser && uid === 0 ? [] : [{ ...attack, index }]));
  const answers = carryOut(
    boundary,
    chosen.map(({ index }) => index),
  );
  for (const { id, attack, gap, index } of chosen) {
    const isOpen = boundary.cordon === undefined || gap !== undefined;
    const title = `${name}: ${id} ${attack}`;
    test(
      boundary.cordon !== undefined && gap ? `${title} (known gap: ${gap})` : title,
      async () => {
        const got = await answers.get(index)!;
        if (isOpen) expect(got).not.toBe("nothing");
        else expect(got).toBe("nothing");
      },
      TIMEOUT_MS,
    );
  }
}

/** What each attack got, as soon as it is known. Rejects for one that broke, which proves nothing. */
function carryOut(boundary: Boundary, indexes: number[]): Map<number, Promise<string>> {
  const waiting = new Map(indexes.map((index) => [index, Promise.withResolvers<string>()]));
  const settle = ({ index, got, failed }: Line) =>
    got === undefined ? waiting.get(index)!.reject(new Error(failed)) : waiting.get(index)!.resolve(got);
  const argv = [
    process.execPath,
    join(import.meta.dirname, "runner.ts"),
    JSON.stringify(boundary),
    ...indexes.map(String),
  ];
  const child = Bun.spawn(argv, { stdio: ["ignore", "pipe", "inherit"] });
  const read = async () => {
    let rest = "";
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop()!;
      for (const line of lines) settle(JSON.parse(line));
    }
    for (const [index] of waiting) settle({ index, failed: "the attacks came to no end" });
  };
  void read();
  const answers = [...waiting].map(([index, { promise }]) => [index, promise] as const);
  // A test may come to its answer later than the answer does.
  for (const [, promise] of answers) promise.catch(() => {});
  return new Map(answers);
}
