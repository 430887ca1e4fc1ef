import type { DatabaseState, Evidence, Finding, Row, StoredEvent } from "./evidence.ts";
import { groupBy } from "./group-by.ts";

/** Revisions have no gap, and the tables and every server's lists are what the events add up to. */
export function checkState({ database, lists }: Evidence): Finding[] {
  const rows = [...database.connections, ...database.profiles];
  return [
    ...checkRevisions(database),
    ...compare("table differs", "the table", foldEvents(database.events), statesOf(rows)),
    ...checkHistory(database),
    ...lists.flatMap(({ server, organization, connections, profiles }) => {
      const active = rows.filter((row) => row.organization === organization && row.state.startsWith("active"));
      const listed = [...connections, ...profiles].map((id) => [`${organization} ${id}`, "listed"] as const);
      const wanted = active.map(({ id }) => [`${organization} ${id}`, "listed"] as const);
      return compare("API differs", `the lists of ${server}`, new Map(wanted), new Map(listed));
    }),
  ];
}

function checkRevisions({ organizations, events }: DatabaseState): Finding[] {
  const byOrganization = groupBy(events, ({ organization }) => organization);
  return organizations.flatMap(({ id, revision }): Finding[] => {
    const revisions = (byOrganization.get(id) ?? []).map((event) => event.revision);
    const gap = revisions.findIndex((one, index) => one !== BigInt(index + 1));
    if (gap >= 0)
      return [{ kind: "skipped revision", what: `${id}: ${revisions[gap]} stands where ${gap + 1} belongs` }];
    if (revision !== BigInt(revisions.length))
      return [
        { kind: "skipped revision", what: `${id}: the counter is ${revision}, the last event ${revisions.length}` },
      ];
    return [];
  });
}

/** What the last event of each record leaves: `active` or `deleted`, and how many writes it has had, or the last of them. */
function foldEvents(events: readonly StoredEvent[]): Map<string, string> {
  const bySubject = groupBy(events, ({ organization, subject }) => `${organization} ${subject}`);
  return new Map(
    [...bySubject].map(([name, all]) => {
      const last = all.at(-1);
      const state = last?.type.endsWith(".deleted") ? "deleted" : "active";
      const version = last?.type.startsWith("connection-profile.") ? last.revision : all.length;
      return [name, `${state}, version ${version}`];
    }),
  );
}

/** The history of a profile has a row for each of its writes, and no other. */
function checkHistory({ events, history }: DatabaseState): Finding[] {
  const written = events.filter(({ type }) => type.startsWith("connection-profile."));
  const nameOf = (organization: string, id: string, revision: bigint) => `${organization} ${id} revision ${revision}`;
  const wanted = written.map(({ organization, subject, revision }) => nameOf(organization, subject, revision));
  const found = history.map(({ organization, id, revision }) => nameOf(organization, id, revision));
  const marked = (names: readonly string[]) => new Map(names.map((name) => [name, "there"]));
  return compare("table differs", "the history", marked(wanted), marked(found));
}

function statesOf(rows: readonly Row[]): Map<string, string> {
  return new Map(rows.map(({ organization, id, state }) => [`${organization} ${id}`, state]));
}

function compare(
  kind: Finding["kind"],
  where: string,
  wanted: ReadonlyMap<string, string>,
  found: ReadonlyMap<string, string>,
): Finding[] {
  const names = new Set([...wanted.keys(), ...found.keys()]);
  return [...names]
    .filter((name) => wanted.get(name) !== found.get(name))
    .map((name) => ({
      kind,
      what: `${name}: ${wanted.get(name) ?? "absent"} by the events, ${found.get(name) ?? "absent"} in ${where}`,
    }));
}
