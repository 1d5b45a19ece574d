/** One line of the report: a number, what it is held against, and what was promised about it. */
export type Row = {
  area: string;
  name: string;
  unit: "ms" | "MB" | "MB/s";
  measured: Summary;
  /** The same work done another way in the same run. */
  beside?: { name: string; measured: Summary };
  comparison?: Comparison;
  /** On the comparison where there is one, else on the median. */
  target?: Target;
};

export type Target = { atMost: number } | { atLeast: number };

/** Something that could not be measured here, and why. */
export type Skipped = { area: string; name: string; skipped: string };

export type Summary = { median: number; min: number; max: number; samples: number };

/** `difference` is in the row's unit, `ratio` has none. */
export type Comparison = { kind: "difference" | "ratio"; value: number };

/** Throws for an empty list. */
export const summarise = (samples: readonly number[]): Summary => ({
  median: medianOf(samples),
  min: Math.min(...samples),
  max: Math.max(...samples),
  samples: samples.length,
});

export const medianOf = (samples: readonly number[]): number => {
  if (samples.length === 0) throw new Error("nothing was measured");
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};

/**
 * Takes turns, A B A B, so that whatever else the machine does falls on all alike. The first `warmUp` rounds do not
 * count. Every function gives one sample.
 */
export const interleave = <Name extends string>(
  cases: Record<Name, () => number>,
  { rounds, warmUp }: { rounds: number; warmUp: number },
): Record<Name, number[]> => {
  const names = Object.keys(cases) as Name[];
  const samples = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = -warmUp; round < rounds; round++) {
    for (const name of names) {
      const sample = cases[name]();
      if (round >= 0) samples[name].push(sample);
    }
  }
  return samples;
};

/** The median of what each round of two interleaved cases gives: a slow moment of the machine hits both halves of a round. */
export const compareRounds = (
  kind: Comparison["kind"],
  samples: readonly number[],
  beside: readonly number[],
): Comparison => {
  const rounds = samples.map((sample, round) => [sample, beside[round]!] as const);
  return { kind, value: medianOf(rounds.map(([a, b]) => (kind === "ratio" ? a / b : a - b))) };
};

/** What the machine can do when nothing disturbs it: of times the least, of speeds the greatest. */
export const bestOf = ({ unit }: Row, { min, max }: Summary): number => (unit === "MB/s" ? max : min);

/** Undefined when nothing was promised. */
export const isMet = ({ measured, comparison, target }: Row): boolean | undefined => {
  if (target === undefined) return undefined;
  const value = comparison?.value ?? measured.median;
  return "atMost" in target ? value <= target.atMost : value >= target.atLeast;
};
