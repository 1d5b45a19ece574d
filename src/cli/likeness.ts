/** Edit distance in which a swap of neighbours counts once (optimal string alignment), because typing swaps letters. */
export const editDistance = (a: string, b: string): number => {
  let older: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + change);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, older[j - 2]! + 1);
      row.push(best);
    }
    older = previous;
    previous = row;
  }
  return previous[b.length]!;
};

/**
 * The candidate that a person probably meant: one slip in a short word, two in a longer one, or the beginning of
 * exactly one candidate (from three letters). Case does not matter.
 */
export const findAlike = (word: string, candidates: readonly string[]): string | undefined => {
  const wanted = word.toLowerCase();
  if (wanted.length > 40) return undefined;
  const scored = candidates
    .map((name) => ({ name, distance: editDistance(wanted, name.toLowerCase()) }))
    .filter(({ name, distance }) => distance <= allowedSlips(wanted, name))
    .sort((a, b) => a.distance - b.distance);
  if (scored[0]) return scored[0].name;
  const begun = wanted.length >= 3 ? candidates.filter((name) => name.toLowerCase().startsWith(wanted)) : [];
  return begun.length === 1 ? begun[0] : undefined;
};

const allowedSlips = (a: string, b: string): number => {
  const length = Math.min(a.length, b.length);
  return length < 3 ? 0 : length < 6 ? 1 : 2;
};
