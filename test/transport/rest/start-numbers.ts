import type { Interceptor } from "@connectrpc/connect";
import { pino } from "pino";
import type { RestStyle } from "../../../gen/connectory/options/v1/rest_pb.js";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { Failure } from "../../../src/failure.ts";
import { createCallGate } from "../../../src/interceptors/call-gate.ts";
import { mapErrors } from "../../../src/interceptors/map-errors.ts";
import { requestId } from "../../../src/interceptors/request-id.ts";
import { serveHttp } from "../../../src/transport/http.ts";
import { serveRest } from "../../../src/transport/rest/serve-rest.ts";
import { routesOf } from "../../../src/transport/routes.ts";
import { loadShedderForTests } from "../../support/load-shedder.ts";
import { countingService } from "./counting-service.ts";

/** The REST door in front of verbs of the test's own. */
// biome-ignore lint/suspicious/noExplicitAny: a service made at run time has no types for its methods
export async function startNumbers(style: RestStyle, verbs: any) {
  const log = pino({ level: "silent" });
  const gate = createCallGate();
  const interceptors: Interceptor[] = [requestId, mapErrors(log), gate.interceptor];
  const routes = routesOf(countingService(style), verbs);
  const door = { routes, interceptors, admission: [requestId], report: [], maxMessageBytes: 10_000, log };
  const refuseMember = () => new Failure(ErrorReason.CONNECTOR_UNKNOWN, "there is none");
  const http = await serveHttp({
    ...door,
    host: "127.0.0.1",
    port: 0,
    corsOrigins: [],
    tls: undefined,
    facades: [serveRest({ ...door, appVersion: "0", refuseMember })],
    checkHealth: async () => undefined,
    connectionLimits: { total: 1000, perAddress: 1000 },
    shedder: loadShedderForTests(),
  });
  return { url: `http://127.0.0.1:${http.port}/v1/numbers`, gate, stop: () => http.stop(100) };
}
