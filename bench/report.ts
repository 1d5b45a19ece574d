import { bestOf, isMet, type Row, type Skipped, type Target } from "./measure.ts";

const headings = ["", "median", "best", "beside", "median", "best", "", "target", ""];

/** The table a person reads: an area a block, a measurement a line. */
export const renderTable = (rows: readonly (Row | Skipped)[]): string => {
  const cells = rows.map((row) => ("skipped" in row ? [row.name, `skipped: ${row.skipped}`] : cellsOf(row)));
  const aligned = [headings, ...cells.filter((line) => line.length === headings.length)];
  const widths = headings.map((_, column) => Math.max(...aligned.map((line) => line[column]!.length)));
  // Names stand on the left, numbers on the right.
  const pad = (cell: string, column: number) =>
    column === 0 || column === 3 || column >= 7 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!);
  const lines = [`  ${headings.map(pad).join("  ").trimEnd()}`];
  let area = "";
  rows.forEach((row, index) => {
    if (row.area !== area) lines.push(row.area);
    area = row.area;
    lines.push(`  ${cells[index]!.map(pad).join("  ").trimEnd()}`);
  });
  return `${lines.join("\n")}\n`;
};

const cellsOf = (row: Row): string[] => {
  const { measured, beside, comparison, target, unit } = row;
  const amount = (value: number | undefined) => (value === undefined ? "" : `${format(value)} ${unit}`);
  const compared = (value: number) => (comparison?.kind === "ratio" ? `×${value.toFixed(2)}` : amount(value));
  const sign = comparison?.kind === "difference" && comparison.value >= 0 ? "+" : "";
  const met = isMet(row);
  return [
    row.name,
    amount(measured.median),
    amount(bestOf(row, measured)),
    beside?.name ?? "",
    amount(beside?.measured.median),
    amount(beside && bestOf(row, beside.measured)),
    comparison ? sign + compared(comparison.value) : "",
    target ? describeTarget(target, compared) : "",
    met === undefined ? "" : met ? "met" : "NOT MET",
  ];
};

const describeTarget = (target: Target, compared: (value: number) => string): string =>
  "atMost" in target ? `≤ ${compared(target.atMost)}` : `≥ ${compared(target.atLeast)}`;

/** Three digits tell enough. */
const format = (value: number): string => value.toFixed(Math.abs(value) < 1 ? 2 : Math.abs(value) < 100 ? 1 : 0);
