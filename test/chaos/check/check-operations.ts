import type { Evidence, Finding, Operation, StoredEvent } from "./evidence.ts";
import { groupBy } from "./group-by.ts";

/** Refusals that say truly that nothing was written, and that a client can meet without a fault of its own. */
const rightRefusals = new Set(["RESOURCE_EXHAUSTED"]);

/** Each acknowledged write is in the log exactly once, under the revision of its answer; no refused one is; nobody else's is. */
export function checkOperations({ operations, database }: Evidence): Finding[] {
  const events = groupBy(database.events, (event) => keyOf(event.organization, event.type, event.operation));
  const known = new Set(operations.map(({ organization, type, key }) => keyOf(organization, type, key)));
  const invented = database.events.filter(
    (event) => !known.has(keyOf(event.organization, event.type, event.operation)),
  );
  return [
    ...operations.flatMap((operation) =>
      checkOperation(operation, events.get(keyOf(operation.organization, operation.type, operation.key)) ?? []),
    ),
    ...invented.map((event): Finding => ({ kind: "invented write", what: `${nameOf(event)}: nobody has sent this` })),
  ];
}

function checkOperation(operation: Operation, events: readonly StoredEvent[]): Finding[] {
  const { outcome, revision, code } = operation;
  const name = `${operation.organization}: ${operation.type} of ${operation.key}`;
  const found: Finding[] = [];
  if (events.length > 1) found.push({ kind: "repeated write", what: `${name}: ${events.map(nameOf).join(", ")}` });
  if (outcome === "acknowledged" && !events.some((event) => event.revision === revision))
    found.push({ kind: "lost write", what: `${name} was acknowledged as revision ${revision} and is not in the log` });
  if (outcome === "refused" && events.length > 0)
    found.push({ kind: "write of a refused call", what: `${name} was refused with ${code} and is in the log` });
  if (outcome === "refused" && !rightRefusals.has(code))
    found.push({ kind: "wrong answer", what: `${name} was refused with ${code}, and nothing stood in its way` });
  return found;
}

function keyOf(organization: string, type: string, operation: string): string {
  return `${organization} ${type} ${operation}`;
}

function nameOf({ organization, revision, type, subject }: StoredEvent): string {
  return `${organization} revision ${revision} (${type} of ${subject})`;
}
