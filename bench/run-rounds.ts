import type { Window } from "./load/drive.ts";
import type { Measure } from "./load/measure.ts";
import type { Measured, Row } from "./row.ts";

/** Measures all rows, then all again: what else happens on the machine then hits all of them alike. */
export async function runRounds(
  rows: readonly Row[],
  rounds: number,
  window: Window,
  say: (line: string) => void,
): Promise<Measured[]> {
  const measured = rows.map((row) => ({ row, slices: [] as Measure[] }));
  for (let round = 1; round <= rounds; round++) {
    for (const { row, slices } of measured) {
      const slice = await row.slice(window);
      slices.push(slice);
      say(`round ${round}: ${row.call}, ${row.by}, ${row.callers} callers: ${Math.round(slice.perSecond)}/s`);
    }
  }
  return measured;
}
