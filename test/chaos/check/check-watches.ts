import type { Evidence, Finding, StoredEvent, Watch } from "./evidence.ts";
import { groupBy } from "./group-by.ts";

/** A watch that was cut and resumed has received every change of its organization's connections once, in order. */
export function checkWatches({ database, watches }: Evidence): Finding[] {
  const changes = database.events.filter(({ type }) => type.startsWith("connection."));
  const byOrganization = groupBy(changes, ({ organization }) => organization);
  return watches.flatMap((watch) => checkWatch(watch, byOrganization.get(watch.organization) ?? []));
}

function checkWatch(watch: Watch, events: readonly StoredEvent[]): Finding[] {
  const wanted = events.map(({ revision, type, subject }) => `${revision} ${type} ${subject}`);
  const seen = watch.changes.map(({ revision, type, id }) => `${revision} ${type} ${id}`);
  const at = Array.from({ length: Math.max(wanted.length, seen.length) }, (_, index) => index).find(
    (index) => wanted[index] !== seen[index],
  );
  if (at === undefined) return [];
  const name = `the watch of ${watch.organization} over ${watch.protocol}`;
  return [{ kind: "watch differs", what: `${name}: ${seen[at] ?? "nothing"} in place of ${wanted[at] ?? "nothing"}` }];
}
