import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { checkCounts } from "./check-counts.ts";
import { query } from "./database.ts";
import { describeMachine } from "./describe-machine.ts";
import { startLoad } from "./load/start-load.ts";
import { type Options, parseOptions } from "./parse-options.ts";
import { requirePgbench } from "./pgbench/run-pgbench.ts";
import { renderTable } from "./render-table.ts";
import { listRows } from "./rows.ts";
import { runRounds } from "./run-rounds.ts";
import { startServers } from "./start-servers.ts";

/** How many connections GetConnection asks for in turn. */
const idCount = 1000;

const say = (line: string) => process.stderr.write(`${line}\n`);

// npm run bench: everything side by side, load from another process, one table. Ends with 1 when a bar is not met, an
// answer was not OK, or a database does not have exactly what was acknowledged.
const stack = new AsyncDisposableStack();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => stack.disposeAsync().finally(() => process.exit(1)));
}
try {
  process.exitCode = (await bench(parseOptions(process.argv.slice(2)))) ? 0 : 1;
} catch (error) {
  // pgbench complains once for each client: the first lines say it.
  say((error instanceof Error ? error.message : String(error)).split("\n").slice(0, 5).join("\n"));
  process.exitCode = 1;
} finally {
  await stack.disposeAsync();
}

async function bench({ seconds, rounds, only }: Options): Promise<boolean> {
  await requirePgbench();
  // Below /var/tmp, because /tmp is often kept in memory, where fsync costs nothing.
  const folder = await mkdtemp(join(process.env.TMPDIR ?? "/var/tmp", "connectory-bench-"));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const dataDir = join(folder, "data");
  const servers = await startServers(dataDir, stack);
  const { grpcPort: port, token, database } = servers.connectory;
  const facts = await describeMachine(database, dataDir);
  const load = startLoad();
  stack.defer(load.stop);

  const { acknowledged: count } = await load.drive(
    { protocol: "grpc", port, token, method: "CreateConnection", callers: 64, ids: [] },
    { warmUpMs: 0, measuredMs: 1000 },
  );
  const known = await query(database, `select id from connection limit ${idCount}`);
  const ids = known.map(({ id }) => String(id));
  const rows = listRows(servers, load, ids).filter(({ group }) => only.has(group));

  const window = { warmUpMs: Math.max(1000, (seconds * 1000) / 3), measuredMs: seconds * 1000 };
  const measured = await runRounds(rows, rounds, window, say);
  await checkCounts(measured, { database, count });

  const { table, met } = renderTable(measured);
  console.log(
    [
      ...facts,
      `Medians of ${rounds} rounds of ${seconds} s; every acknowledged create was found in its database`,
      "",
      table,
    ].join("\n"),
  );
  return met;
}
