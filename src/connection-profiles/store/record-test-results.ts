import { create, type JsonObject, toJson } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { Knex } from "knex";
import { LastTestSchema } from "../../../gen/connectory/v1/connection_profile_pb.js";
import { TestReportSchema, TestStage, TestStatus } from "../../../gen/connectory/v1/test_report_pb.js";
import { runPrepared } from "../../database/run-prepared.ts";
import { runTransaction } from "../../database/run-transaction.ts";
import { type AddressedEvent, appendEvents } from "../../events/log/append-event.ts";
import type { Actor } from "../../interceptors/event-actor.ts";
import type { TestRun, TestTarget } from "../test-run.ts";
import { expungedData } from "./erase-events.ts";
import { auditEvent } from "./profile-event.ts";
import { toEventRecord } from "./profile-row.ts";

/** The subject of events of unsaved configurations, which have no profile. */
const unsaved = "unsaved";

/** A test run to be recorded. */
export interface TestResultRecord {
  readonly caller: Actor;
  readonly testTarget: TestTarget;
  readonly testRun: TestRun;
}

/**
 * Records test runs, see RecordTestRun, in one transaction, because tests of unreachable targets end together. When it fails,
 * each run is recorded in its own transaction, so that none fails because of another. Returns undefined or the error of each.
 */
export async function recordTestResults(
  knex: Knex,
  items: readonly TestResultRecord[],
): Promise<(undefined | Error)[]> {
  try {
    await writeTestResults(knex, items);
    return items.map(() => undefined);
  } catch (error) {
    if (items.length === 1) throw error;
  }
  const alone = await Promise.allSettled(items.map((item) => writeTestResults(knex, [item])));
  return alone.map((result) => (result.status === "fulfilled" ? undefined : toError(result.reason)));
}

async function writeTestResults(knex: Knex, items: readonly TestResultRecord[]): Promise<void> {
  const now = new Date();
  const tested = lastTests(items, now);
  const saved = items.filter(({ testTarget }) => testTarget.profile !== undefined);
  if (saved.length === 0)
    return void (await appendEvents(
      knex,
      items.map((item) => eventOf(item, now)),
    ));
  await runTransaction(knex, async (trx) => {
    const there = await lockProfiles(trx, saved);
    const events = items.map((item) => eventOf(item, now, there));
    await runPrepared(trx, "update-last-tests", updateLastTests, [
      tested.map(({ organizationId }) => organizationId),
      tested.map(({ id }) => id),
      tested.map(({ etag }) => etag),
      tested.map(({ lastTest }) => lastTest),
      tested.map(({ report }) => report),
    ]);
    await appendEvents(trx, events);
  });
}

// Held until the commit: a concurrent expunge waits for it and then erases the new event too.
const lockTested = `
  select profile.organization_id || ' ' || profile.id as key from connection_profile as profile
  join unnest(?::text[], ?::text[]) as item (organization_id, id)
    on profile.organization_id = item.organization_id and profile.id = item.id
  order by profile.organization_id, profile.id for key share of profile`;

/** Locks the tested profiles. Returns the keys of those that are not expunged. */
async function lockProfiles(trx: Knex.Transaction, items: readonly TestResultRecord[]): Promise<ReadonlySet<string>> {
  const rows = await runPrepared<{ key: string }>(trx, "lock-tested-profiles", lockTested, [
    items.map(({ caller }) => caller.organizationId),
    items.map(({ testTarget }) => testTarget.profile?.id ?? ""),
  ]);
  return new Set(rows.map(({ key }) => key));
}

// Only the state that was tested gets the result: the etag must be unchanged.
const updateLastTests = `
  update connection_profile as profile set last_test = item.last_test, last_test_report = item.report
  from unnest(?::text[], ?::text[], ?::text[], ?::json[], ?::json[])
    as item (organization_id, id, etag, last_test, report)
  where profile.organization_id = item.organization_id and profile.id = item.id and profile.etag = item.etag`;

/** Returns the rows of `last_test`: for each state of a profile the result that came last. */
function lastTests(items: readonly TestResultRecord[], now: Date) {
  const rows = items.flatMap(({ caller, testTarget: { profile, edited }, testRun: { kind, outcome } }) => {
    if (profile === undefined || edited || kind !== "test" || outcome === undefined) return [];
    const { error, message, report } = outcome;
    const { id, etag } = profile;
    const lastTest = create(LastTestSchema, {
      error,
      message,
      testedAt: timestampFromDate(now),
      testedBy: caller.userId,
      etag,
    });
    return {
      organizationId: caller.organizationId,
      id,
      etag,
      lastTest: JSON.stringify(toJson(LastTestSchema, lastTest)),
      report: JSON.stringify(toJson(TestReportSchema, report)),
    };
  });
  return [...new Map(rows.map((row) => [JSON.stringify([row.organizationId, row.id, row.etag]), row])).values()];
}

function eventOf(
  { caller, testTarget, testRun }: TestResultRecord,
  now: Date,
  there?: ReadonlySet<string>,
): AddressedEvent {
  const { organizationId } = caller;
  const { connector, config, profile, edited, futureId } = testTarget;
  const subject = profile?.id ?? futureId ?? unsaved;
  const address = (data: JsonObject) => ({
    organizationId,
    event: auditEvent("connection-profile.tested", caller, { subject, data }, now),
  });
  // The event of a test that ends after its profile was expunged has no content.
  if (profile !== undefined && there?.has(`${organizationId} ${profile.id}`) === false)
    return address(expungedData(profile.id));
  const { kind, outcome } = testRun;
  const steps = outcome?.report.steps.map(({ stage, status, endpoint, code, field }) => ({
    stage: TestStage[stage],
    status: TestStatus[status],
    endpoint,
    code,
    field,
  }));
  const data: JsonObject = {
    connection_profile: profile === undefined ? { connector: connector.id } : toEventRecord(profile),
    test: {
      kind,
      saved: profile !== undefined,
      edited,
      endpoints: connector.endpoints(config).map(({ host, port }) => `${host}:${port}`),
      ...(outcome === undefined
        ? { cancelled: true }
        : { error: outcome.error, message: outcome.message, steps: steps ?? [] }),
    },
  };
  return address(data);
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
