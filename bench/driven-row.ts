import type { Load } from "./load/start-load.ts";
import type { Target } from "./load/target.ts";
import type { Row } from "./row.ts";

/** A row whose calls the load process makes. */
export function drivenRow(load: Load, row: Omit<Row, "slice">, target: Omit<Target, "callers">): Row {
  return { ...row, slice: (window) => load.drive({ ...target, callers: row.callers }, window) };
}
