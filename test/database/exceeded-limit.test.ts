import { Code } from "@connectrpc/connect";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { reasonOf } from "../../src/client/error-details.ts";
import { isTransient } from "../../src/client/retry-calls.ts";
import { exceededLimit } from "../../src/database/exceeded-limit.ts";
import { explainError } from "../../src/interceptors/map-errors.ts";
import { createTestDatabase } from "../support/postgres.ts";

let database: Awaited<ReturnType<typeof createTestDatabase>>;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** What a statement ends with that waits for a table which another transaction has locked. */
async function stopped(setting: string, stop: (pid: number) => Promise<unknown> = async () => undefined) {
  const { knex } = database;
  const holder = await knex.transaction();
  try {
    await holder.raw("lock table connection in access exclusive mode");
    const waiting = knex.transaction(async (trx) => {
      await trx.raw(setting);
      const { rows } = await trx.raw("select pg_backend_pid() as pid");
      const statement = trx.raw("select count(*) from connection").then(String, (error: unknown) => error);
      await stop(rows[0].pid);
      throw await statement;
    });
    return await waiting.then(String, (error: unknown) => error);
  } finally {
    await holder.rollback();
  }
}

const explained = (error: unknown, level = "silent", lines: string[] = []) =>
  explainError(pino({ level }, { write: (line: string) => void lines.push(line) }), error, {
    requestId: "one",
    rpc: "ListMutualConnections",
    signal: new AbortController().signal,
  });

test("a statement that took longer than it may is DEADLINE_EXCEEDED, says so, and is not sent again by the client", async () => {
  const error = await stopped("set local statement_timeout = '50ms'");
  expect(error).toMatchObject({ code: "57014" });
  expect(exceededLimit(error)).toBe("time");
  const lines: string[] = [];
  const answer = explained(error, "error", lines);
  expect([answer.code, reasonOf(answer), isTransient(answer)]).toEqual([
    Code.DeadlineExceeded,
    ErrorReason.QUERY_TIMEOUT,
    false,
  ]);
  expect(answer.rawMessage).toContain("took longer than a statement may");
  expect(answer.rawMessage).not.toContain("reached");
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ reason: "QUERY_TIMEOUT", requestId: "one" }]);
});

test("a wait for a lock that ended is RESOURCE_EXHAUSTED, and may be sent again in a moment", async () => {
  const error = await stopped("set local lock_timeout = '50ms'");
  expect(error).toMatchObject({ code: "55P03" });
  expect(exceededLimit(error)).toBe("lock");
  const answer = explained(error);
  expect([answer.code, reasonOf(answer), isTransient(answer)]).toEqual([
    Code.ResourceExhausted,
    ErrorReason.QUEUE_FULL,
    true,
  ]);
});

test("a statement that an operator cancelled has met no limit: it may be sent again", async () => {
  const cancel = async (pid: number) => {
    const { knex } = database;
    const waits = () => knex("pg_stat_activity").where({ pid, wait_event_type: "Lock" }).first().then(Boolean);
    await expect.poll(waits).toBe(true);
    await knex.raw("select pg_cancel_backend(?)", [pid]);
  };
  const error = await stopped("set local statement_timeout = 0", cancel);
  expect(error).toMatchObject({ code: "57014" });
  expect(exceededLimit(error)).toBeUndefined();
  expect(reasonOf(explained(error))).toBe(ErrorReason.DATABASE_UNAVAILABLE);
});

test.each([new Error("canceling statement due to statement timeout"), "57014", undefined, { code: "57014" }])(
  "what is no error of a database has met none: %s",
  (error) => expect(exceededLimit(error)).toBeUndefined(),
);
