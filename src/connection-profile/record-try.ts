import { create, toJson } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { Knex } from "knex";
import { LastTestSchema } from "../../gen/connectory/v1/connection_profile_pb.js";
import { TestReportSchema, TestStage, TestStatus } from "../../gen/connectory/v1/test_report_pb.js";
import { appendEvent } from "../events/append-event.ts";
import type { Caller } from "../interceptors/caller.ts";
import type { Candidate, Try } from "./candidate.ts";
import { auditEvent } from "./profile-event.ts";
import { toRecord } from "./profile-row.ts";
import { profilesOf } from "./read-profile.ts";

/** What events of unsaved configurations have for a subject: there is no profile. */
const unsaved = "unsaved";

/** Writes what is kept of a try; see RecordTry. */
export async function recordTry(
  trx: Knex.Transaction,
  caller: Caller,
  candidate: Candidate,
  { kind, outcome }: Try,
): Promise<void> {
  const { connector, config, profile, edited } = candidate;
  const now = new Date();
  if (profile !== undefined && !edited && kind === "test" && outcome !== undefined) {
    const { error, message, report } = outcome;
    const lastTest = create(LastTestSchema, {
      error,
      message,
      testedAt: timestampFromDate(now),
      testedBy: caller.userId,
      etag: profile.etag,
    });
    // A test that outlives the state it was of says nothing of the one that is there now.
    await profilesOf(trx, caller.organizationId)
      .where({ id: profile.id, etag: profile.etag })
      .update({
        last_test: JSON.stringify(toJson(LastTestSchema, lastTest)),
        last_test_report: JSON.stringify(toJson(TestReportSchema, report)),
      });
  }
  const steps = outcome?.report.steps.map(({ stage, status, endpoint, code, field }) => ({
    stage: TestStage[stage],
    status: TestStatus[status],
    endpoint,
    code,
    field,
  }));
  const data = {
    connection_profile: profile === undefined ? { connector: connector.id } : toRecord(profile),
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
  const subject = profile?.id ?? unsaved;
  await appendEvent(
    trx,
    caller.organizationId,
    auditEvent("connection-profile.tested", caller, { subject, data }, now),
  );
}
