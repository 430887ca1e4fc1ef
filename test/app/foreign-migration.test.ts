import { afterAll, beforeAll, expect, test } from "vitest";
import { ConnectionProfileService } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectionService } from "../../gen/connectory/v1/connection_service_pb.js";
import { startWatch } from "../connections/start-watch.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { connectClients } from "../support/clients.ts";
import { freePort } from "../support/free-port.ts";

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

/** What a later version may do to the tables of this one: add to them, and make a type wider. */
const migration = `
  alter table connection add column note text;
  alter table connection alter column owner type varchar(300);
  alter table event add column note text;
  alter table event alter column actor type varchar(300);
  alter table organization add column note text;
  alter table connection_profile add column note text;
  alter table connection_profile alter column name type varchar(300);
  alter table connection_profile_secret add column note text;`;

test("a migration of another version under a running server fails rejected request", async () => {
  const token = await app.token();
  const connections = connectClients(ConnectionService, app, token).grpc;
  const profiles = connectClients(ConnectionProfileService, app, token).grpc;
  const port = await freePort();
  const connector = { case: "redis", value: { address: `redis://127.0.0.1:${port}` } } as const;
  const watch = startWatch(connections);
  let next = 0;
  const visit = async () => {
    const user = `user-${next++}`;
    const { connection } = await connections.createConnection({ userId1: "hub", userId2: user });
    const id = connection?.id ?? "";
    await Promise.all([
      connections.getConnection({ id }),
      connections.getConnection({ userId1: "hub", userId2: user }),
      connections.listConnections({ userId: "hub" }),
      connections.countConnections({ userId: "hub" }),
      connections.listMutualConnections({ userId: "hub", otherUserId: user }),
    ]);
    const made = await profiles.createConnectionProfile({ name: user, config: { connector } });
    const profile = { id: made.connectionProfile?.id ?? "" };
    await profiles.updateConnectionProfile({ ...profile, labels: { step: "two" }, updateMask: { paths: ["labels"] } });
    await Promise.all([
      profiles.getConnectionProfile(profile),
      profiles.listConnectionProfiles({}),
      profiles.listConnectionProfileRevisions(profile),
      profiles.testConnectionProfile(profile),
    ]);
    await profiles.deleteConnectionProfile(profile);
    await connections.deleteConnection({ id });
  };
  const visitors = () => Promise.all(Array.from({ length: 4 }, visit));
  await visitors();
  await visitors();
  await app.knex.raw(migration);
  await visitors();
  await app.knex.raw(migration.replaceAll("note", "remark").replaceAll("varchar(300)", "text"));
  await visitors();
  await watch.told(1 + 2 * next);
  watch.leave();
  expect(app.logged.filter((line) => /"level":[456]0/.test(line))).toEqual([]);
});
