// A process of its own for the tests beside it: takes the folder, starts the server and writes rows until it is killed.
import { pino } from "pino";
import { lockDataDir } from "../../../src/database/embedded/lock-data-dir.ts";
import { startEmbeddedPostgres } from "../../../src/database/embedded/start-embedded-postgres.ts";
import { openKnex } from "../../../src/database/open-knex.ts";

const dataDir = process.argv[2] ?? "";
await lockDataDir(dataDir);
say("locked");
const { target, stop } = await startEmbeddedPostgres({ dataDir, log: pino({ level: "error" }, pino.destination(2)) });
const knex = openKnex(target, 1);
await knex.raw("create table if not exists note (n bigint primary key)");
say("ready");

let stopping = false;
process.once("SIGTERM", () => {
  stopping = true;
});
while (!stopping) {
  const { rows } = await knex.raw("insert into note select coalesce(max(n), 0) + 1 from note returning n");
  say(`row ${rows[0].n}`);
}
await knex.destroy();
await stop();
say("stopped");
process.exit(); // the lock's socket holds nothing, but a leaked handle here must not hang a test

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
