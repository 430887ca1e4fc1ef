import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { measureAttacks } from "./attacks/measure-attacks.ts";
import { measureBlackHoles } from "./black-holes/measure-black-holes.ts";
import { checkCounts } from "./check-counts.ts";
import type { Compare } from "./compare.ts";
import { query } from "./database.ts";
import { describeMachine } from "./describe-machine.ts";
import type { Group } from "./groups.ts";
import { startLoad } from "./load/start-load.ts";
import { measureNeighbours } from "./neighbours/measure-neighbours.ts";
import { measureOverload } from "./overload/measure-overload.ts";
import { type Options, parseOptions } from "./parse-options.ts";
import { requirePgbench } from "./pgbench/run-pgbench.ts";
import { listProfileRows } from "./profile/list-profile-rows.ts";
import { prepareProfiles } from "./profile/prepare-profiles.ts";
import { renderTable } from "./render-table.ts";
import { measureRequestLimits } from "./request-limits/measure-request-limits.ts";
import { listConnectionRows } from "./rows.ts";
import { runRounds } from "./run-rounds.ts";
import { listSecretRows } from "./secret/list-secret-rows.ts";
import { openBareSeal, openSeal } from "./secret/open-seal.ts";
import { measureStart } from "./start/measure-start.ts";
import { startServers } from "./start-servers.ts";

/** How many connections GetConnection asks for in turn. */
const idCount = 1000;

const say = (line: string) => process.stderr.write(`${line}\n`);

/** What is compared with itself. */
const comparisons = ({ attacks }: Options): readonly (readonly [Group, Compare])[] => [
  ["start", measureStart],
  ["black-holes", measureBlackHoles],
  ["attacks", measureAttacks(attacks)],
  ["request-limits", measureRequestLimits],
  ["overload", measureOverload],
  ["neighbours", measureNeighbours],
];

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

async function bench(options: Options): Promise<boolean> {
  const { rounds, only } = options;
  // Below /var/tmp, because /tmp is often kept in memory, where fsync costs nothing.
  const folder = await mkdtemp(join(process.env.TMPDIR ?? "/var/tmp", "connectory-bench-"));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const met: boolean[] = [];
  const lines: string[] = [];
  for (const [group, compare] of comparisons(options).filter(([name]) => only.has(name))) {
    say(`${group} …`);
    const own = stack.use(new AsyncDisposableStack());
    const compared = await compare({ folder, rounds, stack: own, say });
    await own.disposeAsync();
    met.push(compared.met);
    lines.push(compared.line);
  }
  if (only.size > met.length) met.push(await benchTable(options, folder));
  if (lines.length > 0) console.log(["", ...lines].join("\n"));
  return met.every(Boolean);
}

async function benchTable({ seconds, rounds, only }: Options, folder: string): Promise<boolean> {
  await requirePgbench();
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
  const asksProfiles = [...only].some((group) => group.startsWith("profile-"));
  const profiles = asksProfiles ? await prepareProfiles(servers.connectory, load, stack) : undefined;
  const secretStore = only.has("secret-seal") ? await openSeal(database, stack) : undefined;
  const rows = [
    ...listConnectionRows(servers, load, ids),
    ...(profiles === undefined ? [] : listProfileRows(servers, load, profiles)),
    ...(secretStore === undefined ? [] : listSecretRows(secretStore, openBareSeal())),
  ].filter(({ group }) => only.has(group));

  const window = { warmUpMs: Math.max(1000, (seconds * 1000) / 3), measuredMs: seconds * 1000 };
  const measured = await runRounds(rows, rounds, window, say);
  const connections = { database, kind: "connection", count } as const;
  await checkCounts(measured, profiles === undefined ? [connections] : [connections, profiles.created]);

  const { table, met } = renderTable(measured);
  console.log(
    [
      ...facts,
      `Medians of ${rounds} rounds of ${seconds} s; every acknowledged write was found in its database`,
      "",
      table,
    ].join("\n"),
  );
  return met;
}
