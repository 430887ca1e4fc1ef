import type { Acknowledged } from "../check-counts.ts";
import { query } from "../database.ts";
import type { Load } from "../load/start-load.ts";
import type { Connectory } from "../start-connectory.ts";
import { startFakeRedis } from "./start-fake-redis.ts";

/** An organization of the bench and its profiles, in the order of their names. */
export interface Owner {
  readonly organization: string;
  readonly token: string;
  readonly ids: readonly string[];
}

/** What the rows of profiles ask for. */
export interface Profiles {
  /** Where every profile points to: a server that answers at once. */
  readonly target: { readonly address: string; readonly port: number };
  /** Whose profiles are only read, so that they are the same in every round. */
  readonly read: Owner;
  /** Whose profiles are tested: each carries its last report from then on. */
  readonly tested: Owner;
  /** Who gets the profiles that are created. */
  readonly write: Owner;
  readonly created: Acknowledged;
}

/** More than a page of ListConnectionProfiles, which every page then is full. */
const atLeast = 100;

/** Starts what the profiles point to, and creates those that are read and tested. `stack` ends it. */
export async function prepareProfiles(
  { grpcPort, database, issueToken }: Connectory,
  load: Load,
  stack: AsyncDisposableStack,
): Promise<Profiles> {
  const redis = await startFakeRedis();
  stack.defer(redis.stop);
  const target = { address: `redis://127.0.0.1:${redis.port}`, port: redis.port };
  let count = 0;

  const create = async (organization: string, wanted: number): Promise<Owner> => {
    const token = await issueToken(organization);
    const call = { protocol: "grpc", port: grpcPort, token, method: "CreateConnectionProfile" } as const;
    for (let made = 0; made < wanted; ) {
      const slice = { warmUpMs: 0, measuredMs: 500 };
      const { acknowledged } = await load.drive({ ...call, callers: 8, ids: [], address: target.address }, slice);
      made += acknowledged;
      count += acknowledged;
    }
    const found = "select id from connection_profile where organization_id = $1 order by name, id";
    const ids = (await query(database, found, [organization])).map(({ id }) => String(id));
    return { organization, token, ids };
  };
  const read = await create("bench_read", atLeast);
  const tested = await create("bench_tested", atLeast);
  const write = await create("bench_write", 0);
  return { target, read, tested, write, created: { database, kind: "profile", count } };
}
