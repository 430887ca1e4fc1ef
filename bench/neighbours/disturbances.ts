import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import pg from "pg";
import { ConnectionProfileService } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectionService } from "../../gen/connectory/v1/connection_service_pb.js";
import { query } from "../database.ts";
import type { Method } from "../load/method-path.ts";
import type { Connectory } from "../start-connectory.ts";
import { again } from "./again.ts";
import { holdWatches } from "./hold-watches.ts";

/** What one organization does that others may suffer from. */
export interface Disturbance {
  readonly name: string;
  /** The calls of another organization that are measured beside it. */
  readonly method: Method;
  /** It takes what the other's calls need as well: they are measured at a steady rate, too. */
  readonly needsProcessor?: boolean;
  /** Resolves when it goes on, with how to end it: that resolves with what shows that it did disturb, and throws where it did not. */
  begin(): Promise<() => Promise<string>>;
}

/** The organization that disturbs. */
export const disturber = "disturber";

const commonConnections = 12_000;

/** All of them. `targetPort` is where the other organization's profiles point to, `silentPort` a port where nothing ever answers. */
export async function listDisturbances(
  server: Connectory,
  { targetPort, silentPort }: { readonly targetPort: number; readonly silentPort: number },
): Promise<readonly Disturbance[]> {
  const { grpcPort, database } = server;
  const authorization = `Bearer ${await server.issueToken(disturber)}`;
  const transport = createGrpcTransport({
    baseUrl: `http://127.0.0.1:${grpcPort}`,
    interceptors: [
      (next) => (request) => {
        request.header.set("authorization", authorization);
        return next(request);
      },
    ],
  });
  const connections = createClient(ConnectionService, transport);
  const profiles = createClient(ConnectionProfileService, transport);
  let users = 0;
  const create = () =>
    connections.createConnection({ userId1: `a${users}`, userId2: `b${users++}` }, { timeoutMs: 5000 });
  await create(); // the organization has a row from here on
  await connectWithMany(server);

  return [
    {
      name: "the row of an organization is locked, and it goes on creating",
      method: "CreateConnection",
      begin: async () => {
        const holder = new pg.Client({ ...database });
        await holder.connect();
        await holder.query("begin");
        await holder.query("select from organization where id = $1 for update", [disturber]);
        const creates = again(16, create);
        return async () => {
          const { done, failed } = await creates.end();
          await holder.end();
          if (done > 0 || failed === 0) throw new Error(`the lock held nobody up: ${done} creates came through`);
          return `${failed} of its creates refused, none came through`;
        };
      },
    },
    {
      name: "ten tests at a time that name the target of others, and hang",
      method: "TestConnectionProfile",
      begin: async () => {
        const bootstrapServers = `127.0.0.1:${silentPort},127.0.0.1:${targetPort}`;
        const config = { connector: { case: "kafka" as const, value: { bootstrapServers } } };
        const tests = again(10, () => profiles.testConnectionProfile({ config }, { timeoutMs: 20_000 }));
        return async () => {
          const { done, failed } = await tests.end();
          return `${done} of its tests ended, ${failed} refused`;
        };
      },
    },
    {
      name: `six callers of ListMutualConnections of two users with ${commonConnections} in common`,
      method: "GetConnection",
      needsProcessor: true,
      begin: async () => {
        const pages = again(6, async () => {
          const { mutualConnections } = await connections.listMutualConnections(
            { userId: "h", otherUserId: "q", pageSize: 1000 },
            { timeoutMs: 30_000 },
          );
          if (mutualConnections.length !== 1000) throw new Error(`${mutualConnections.length} in place of a full page`);
        });
        return async () => {
          const { done, failed } = await pages.end();
          if (done === 0) throw new Error(`no page came, ${failed} refused`);
          return `${done} pages, ${failed} refused`;
        };
      },
    },
    {
      name: "all watches that one organization can have, unread",
      method: "GetConnection",
      begin: () => holdWatches(grpcPort, authorization),
    },
  ];
}

/** Two users of the new organization with the same connections each, written past the service: nothing has analyzed them. */
async function connectWithMany({ database }: Connectory): Promise<void> {
  for (const user of ["h", "q"])
    await query(
      database,
      `insert into connection
       select $1, gen_random_uuid(), least(u, other), greatest(u, other), now(), true, 1, now(), now(), null, 'o'
       from (
         select cast($2 as text) collate "C" as u, (substr('amz', n % 3 + 1, 1) || n) collate "C" as other
         from generate_series(1, cast($3 as int)) as n
       ) as pair`,
      [disturber, user, commonConnections],
    );
}
