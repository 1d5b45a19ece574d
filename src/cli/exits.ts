/** What cordon's exit status means. */
export const exitStatuses: readonly (readonly [string, string])[] = [
  ["0 to 123", "the agent's or program's own exit status"],
  ["124", "ended by `--timeout`"],
  ["125", "cordon itself failed or refused"],
  ["126", "the program exists and cannot be executed"],
  ["127", "the program was not found"],
  ["128 + N", "the program was ended by signal N"],
];
