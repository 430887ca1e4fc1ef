import { drivenRow } from "../driven-row.ts";
import type { Group } from "../groups.ts";
import { pageSize } from "../load/encode-request.ts";
import type { Method } from "../load/method-path.ts";
import type { Load } from "../load/start-load.ts";
import { runPgbench, type Script } from "../pgbench/run-pgbench.ts";
import type { Row } from "../row.ts";
import { product } from "../rows.ts";
import type { Servers } from "../start-servers.ts";
import type { Owner, Profiles } from "./prepare-profiles.ts";

/** The rows of profiles, what is compared next to each other. */
export function listProfileRows({ connectory, echo, pgbench }: Servers, load: Load, profiles: Profiles): Row[] {
  const { target, read, tested, write } = profiles;
  const { grpcPort: port, database } = connectory;

  const byConnectory = (row: Pick<Row, "group" | "callers" | "writes">, method: Method, { token, ids }: Owner): Row =>
    drivenRow(
      load,
      { ...row, call: `${method}, gRPC`, by: product },
      { protocol: "grpc", port, method, token, ids, address: target.address },
    );
  // A list is held against its own statements: held against GetConnectionProfile it would look worse when that gets better.
  const page = { organization: read.organization, ids: `{${read.ids.slice(0, pageSize)}}` };
  const inserts = (group: Group, callers: number, script: Script, bar?: number): Row => ({
    group,
    call: "the same inserts",
    by: `pgbench, ${script}`,
    callers,
    writes: { database: pgbench.database, kind: "profile" },
    ...(bar === undefined ? {} : { bar }),
    slice: (window) => runPgbench(pgbench.database, script, callers, window),
  });
  const tests = byConnectory(
    { group: "profile-test-8", callers: 8, writes: { database, kind: "test" } },
    "TestConnectionProfile",
    tested,
  );
  return [
    byConnectory({ group: "profile-get-64", callers: 64 }, "GetConnectionProfile", read),
    drivenRow(
      load,
      { group: "profile-get-64", call: "echo, gRPC", by: "bare grpc-js", callers: 64, bar: 0.25 },
      { protocol: "grpc", port: echo.port, method: "GetConnectionProfile", ids: read.ids },
    ),
    byConnectory({ group: "profile-list-8", callers: 8 }, "ListConnectionProfiles", read),
    {
      group: "profile-list-8",
      call: "the same selects",
      by: "pgbench, profile-page",
      callers: 8,
      bar: 0.05,
      slice: (window) => runPgbench(database, "profile-page", 8, window, page),
    },
    byConnectory(
      { group: "profile-create-16", callers: 16, writes: { database, kind: "profile" } },
      "CreateConnectionProfile",
      write,
    ),
    inserts("profile-create-16", 16, "profile-transaction", 0.2),
    inserts("profile-create-16", 16, "profile-statement"),
    warmedUp(tests),
    drivenRow(
      load,
      { group: "profile-test-8", call: "the same commands", by: "bare ioredis", callers: 8, bar: 0.03 },
      { protocol: "redis", port: target.port, method: "TestConnectionProfile", ids: [] },
    ),
  ];
}

/** A short slice first: it ends when the organization's thread for tests has loaded, which no other test is to wait for. */
function warmedUp(row: Row): Row {
  return {
    ...row,
    slice: async (window) => {
      const first = await row.slice({ warmUpMs: 0, measuredMs: 1 });
      const measured = await row.slice(window);
      return { ...measured, acknowledged: first.acknowledged + measured.acknowledged };
    },
  };
}
