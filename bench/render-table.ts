import type { Measure } from "./load/measure.ts";
import { median } from "./median.ts";
import type { Measured } from "./row.ts";
import { product } from "./rows.ts";

const head = ["call", "by", "callers", "per second", "p50 ms", "p99 ms", "load µs", `${product} / this`, "bar", ""];
const textColumns = 2;

/** The table, and whether every bar is met. `load µs`: what the load process takes of the same cores for a call. */
export function renderTable(measured: readonly Measured[]): { table: string; met: boolean } {
  const lines = measured.map((one) => toLine(one, measured));
  const cells = [head, ...lines.map(({ cells }) => cells)];
  const widths = head.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)));
  const rendered = cells.map((line) =>
    line
      .map((cell, column) =>
        column < textColumns ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd(),
  );
  const rule = widths.map((width) => "-".repeat(width)).join("  ");
  return { table: [rendered[0], rule, ...rendered.slice(1)].join("\n"), met: lines.every(({ met }) => met) };
}

function toLine({ row, slices }: Measured, measured: readonly Measured[]): { cells: string[]; met: boolean } {
  const perSecond = medianOf(slices, "perSecond");
  const cells = [row.call, row.by, `${row.callers}`, perSecond.toFixed(0), milliseconds(slices, "p50Ms")];
  const loadUs = median(slices.flatMap(({ loadCpuUs }) => loadCpuUs ?? []));
  cells.push(milliseconds(slices, "p99Ms"), Number.isNaN(loadUs) ? "" : loadUs.toFixed(0));
  const ours = measured.find((other) => other.row.group === row.group);
  if (ours === undefined || row.by === product) return { cells, met: true };
  const ratio = medianOf(ours.slices, "perSecond") / perSecond;
  if (row.bar === undefined) return { cells: [...cells, ratio.toFixed(2)], met: true };
  const met = ratio >= row.bar;
  return { cells: [...cells, ratio.toFixed(2), `>= ${row.bar}`, met ? "met" : "NOT MET"], met };
}

function milliseconds(slices: readonly Measure[], key: "p50Ms" | "p99Ms"): string {
  return medianOf(slices, key).toFixed(1);
}

function medianOf(slices: readonly Measure[], key: "perSecond" | "p50Ms" | "p99Ms"): number {
  return median(slices.map((slice) => slice[key]));
}
