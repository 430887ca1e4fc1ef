import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { check } from "./check.ts";
import type { Evidence, FindingKind } from "./evidence.ts";
import { at, soundEvidence } from "./sound-evidence.ts";

test("a sound history has nothing wrong in it", () => {
  expect(check(soundEvidence())).toEqual([]);
});

type Doctor = (evidence: Evidence) => Evidence;
const withDatabase = (evidence: Evidence, change: Partial<Evidence["database"]>): Evidence => ({
  ...evidence,
  database: { ...evidence.database, ...change },
});
const withoutEvent: (revision: bigint) => Doctor = (revision) => (evidence) => {
  const events = evidence.database.events.filter((event) => event.revision !== revision);
  return withDatabase(evidence, { events });
};
const withOperation: (index: number, change: Partial<Evidence["operations"][number]>) => Doctor =
  (index, change) => (evidence) => {
    const operations = evidence.operations.map((one, place) => (place === index ? { ...one, ...change } : one));
    return { ...evidence, operations };
  };
const withChanges: (change: (all: readonly Change[]) => readonly Change[]) => Doctor = (change) => (evidence) => ({
  ...evidence,
  watches: evidence.watches.map((watch) => ({ ...watch, changes: change(watch.changes) })),
});
type Change = Evidence["watches"][number]["changes"][number];

const doctored: readonly (readonly [string, FindingKind, Doctor])[] = [
  ["an acknowledged write that is not in the log", "lost write", withOperation(0, { key: "c9", revision: 9n })],
  ["an acknowledged write under another revision", "lost write", withOperation(1, { revision: 1n })],
  [
    "an acknowledged connection that is not in the table",
    "table differs",
    (evidence) => withDatabase(evidence, { connections: evidence.database.connections.slice(1) }),
  ],
  [
    "an acknowledged delete that the table does not show",
    "table differs",
    (evidence) => {
      const connections = evidence.database.connections.map((row) => ({ ...row, state: "active, version 1" }));
      return withDatabase(evidence, { connections });
    },
  ],
  [
    "an update that is not in the history of its profile",
    "table differs",
    (evidence) => withDatabase(evidence, { history: evidence.database.history.slice(0, 1) }),
  ],
  [
    "an active connection that a server does not list",
    "API differs",
    (evidence) => ({ ...evidence, lists: evidence.lists.map((list) => ({ ...list, connections: ["c3"] })) }),
  ],
  [
    "a deleted connection that a server lists",
    "API differs",
    (evidence) => ({
      ...evidence,
      lists: evidence.lists.map((list) => ({ ...list, connections: ["c1", "c2", "c3"] })),
    }),
  ],
  ["a revision that is missing", "skipped revision", withoutEvent(4n)],
  [
    "a counter that is ahead of the log",
    "skipped revision",
    (evidence) => withDatabase(evidence, { organizations: [{ id: "acme", revision: 7n }] }),
  ],
  ["a refused write that is in the log", "write of a refused call", withOperation(1, { outcome: "refused" })],
  [
    "a write that nobody has sent",
    "invented write",
    (evidence) => ({ ...evidence, operations: evidence.operations.slice(1) }),
  ],
  [
    "a write that was done twice",
    "repeated write",
    (evidence) => {
      const again = { ...at(evidence.database.events, 5), revision: 7n, id: "e7" };
      return withDatabase(evidence, { events: [...evidence.database.events, again] });
    },
  ],
  [
    "a refusal that has no ground",
    "wrong answer",
    withOperation(0, { key: "c9", outcome: "refused", code: "ALREADY_EXISTS" }),
  ],
  [
    "an event whose message is not on Kafka",
    "missing event",
    (evidence) => ({ ...evidence, messages: evidence.messages.filter(({ id }) => id !== "e3") }),
  ],
  [
    "an event whose second message is not on Kafka",
    "missing event",
    (evidence) => ({ ...evidence, messages: evidence.messages.filter(({ id }) => id !== "e5-db") }),
  ],
  [
    "two messages of a key the wrong way round",
    "reordered event",
    (evidence) => {
      const messages = evidence.messages.map((one) => (one.id === "e4" ? { ...one, offset: 0 } : one));
      return { ...evidence, messages };
    },
  ],
  [
    "a repetition with another content",
    "repetition differs",
    (evidence) => ({ ...evidence, messages: [...evidence.messages, { ...at(evidence.messages, 0), value: "{}" }] }),
  ],
  [
    "a message of no event",
    "invented event",
    (evidence) => ({ ...evidence, messages: [...evidence.messages, { ...at(evidence.messages, 0), id: "e99" }] }),
  ],
  ["a change that a watch has missed", "watch differs", withChanges((all) => all.toSpliced(1, 1))],
  ["a change that a watch has received twice", "watch differs", withChanges((all) => [...all, at(all, -1)])],
  ["changes that a watch has received in another order", "watch differs", withChanges((all) => all.toReversed())],
  ["the end of a watch that has not come", "watch differs", withChanges((all) => all.slice(0, -1))],
  [
    "a read that is older than the write before it",
    "stale read",
    (evidence) => ({ ...evidence, reads: [{ ...at(evidence.reads, 0), seen: "active" }] }),
  ],
  ...["INTERNAL", "UNKNOWN", "UNAUTHENTICATED"].map((code): (typeof doctored)[number] => [
    `an answer ${code}`,
    "wrong answer",
    (evidence) => {
      const answer = { call: "get-connection", code, reason: code, text: "something is wrong", count: 1 };
      return { ...evidence, answers: [...evidence.answers, answer] };
    },
  ]),
];

test.each(doctored)("%s is found", (_name, kind, doctor) => {
  expect(check(doctor(soundEvidence())).map((finding) => finding.kind)).toContain(kind);
});

test("every kind of finding has a history that shows it", () => {
  const text = readFileSync(join(import.meta.dirname, "evidence.ts"), "utf8");
  const kinds = [...text.slice(text.indexOf("type FindingKind")).matchAll(/\| "([^"]+)"/g)].map(([, kind]) => kind);
  expect(kinds.length).toBeGreaterThan(10);
  expect(new Set(doctored.map(([, kind]) => kind))).toEqual(new Set(kinds));
});

test("the checker shares no code with the service", () => {
  const files = globSync("*.ts", { cwd: import.meta.dirname }).filter((file) => !file.endsWith(".test.ts"));
  const imports = files.flatMap((file) => {
    const text = readFileSync(join(import.meta.dirname, file), "utf8");
    return [...text.matchAll(/from "([^"]+)"/g)].map(([, target = ""]) => target);
  });
  expect(imports.length).toBeGreaterThan(10);
  const foreign = imports.filter((target) => !/^(\.\/[a-z-]+\.ts|node:[a-z/_]+|pg)$/.test(target));
  expect(foreign.filter((target) => target !== "../../support/servers/find-program.ts")).toEqual([]);
});
