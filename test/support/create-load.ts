import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { ConnectionService } from "../../gen/connectory/v1/connection_service_pb.js";

/** What callers were told. */
export interface LoadResult {
  /** The ids of connections whose create was acknowledged. */
  readonly acknowledged: string[];
  /** Calls that failed, with what they said. */
  readonly failed: string[];
}

/**
 * Creates connections over gRPC, `callers` at a time, until `count` have been asked for or `until` aborts. One in ten
 * is deleted and made again, so that its key has three events. Every call ends; none is tried again.
 */
export async function createLoad(
  server: { grpcAddress: string; token: string },
  options: {
    count: number;
    callers: number;
    until?: AbortSignal;
    prefix?: string;
    onAcknowledged?: (total: number) => void;
  },
): Promise<LoadResult> {
  const transport = createGrpcTransport({
    baseUrl: `http://${server.grpcAddress}`,
    interceptors: [
      (next) => (request) => {
        request.header.set("authorization", `Bearer ${server.token}`);
        return next(request);
      },
    ],
  });
  const client = createClient(ConnectionService, transport);
  const { count, callers, until, prefix = "user", onAcknowledged } = options;
  const result: LoadResult = { acknowledged: [], failed: [] };
  let next = 0;

  const create = async (userId2: string) => {
    const { connection } = await client.createConnection({ userId1: "hub", userId2 });
    const id = connection?.id ?? "";
    result.acknowledged.push(id);
    onAcknowledged?.(result.acknowledged.length);
    return id;
  };
  const caller = async () => {
    while (next < count && until?.aborted !== true) {
      const index = next++;
      try {
        const id = await create(`${prefix}-${index}`);
        if (index % 10 !== 0) continue;
        await client.deleteConnection({ id });
        await create(`${prefix}-${index}`);
      } catch (error) {
        result.failed.push(String(error));
      }
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return result;
}
