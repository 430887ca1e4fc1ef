import { once } from "node:events";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import type { ServiceImpl } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { ConnectionService } from "../../gen/connectory/v1/connection_service_pb.js";
import type { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { ApiError, type FailureDetail } from "../../src/errors/api-error.ts";
import { toConnectError } from "../../src/interceptors/map-errors.ts";

/** A gRPC server that answers as a test says, for what the real one does at its own time only. */
export async function serveScripted(
  script: Partial<ServiceImpl<typeof ConnectionService>>,
): Promise<{ baseUrl: string; stop: () => Promise<void> }> {
  const sessions = new Set<{ destroy: () => void }>();
  const server = createServer(connectNodeAdapter({ routes: (router) => router.service(ConnectionService, script) }));
  server.on("session", (session) => sessions.add(session));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      for (const session of sessions) session.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** An error as the server sends it. */
export function failure(reason: ErrorReason, detail: FailureDetail = {}) {
  return toConnectError(new ApiError(reason, "as the test says", detail), "request-of-the-test");
}
