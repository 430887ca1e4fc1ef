import type { Interceptor } from "@connectrpc/connect";
import { pino } from "pino";
import type { RestStyle } from "../../../gen/connectory/options/v1/rest_pb.js";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../../../src/errors/api-error.ts";
import { createDrain } from "../../../src/interceptors/drain.ts";
import { mapErrors } from "../../../src/interceptors/map-errors.ts";
import { requestId } from "../../../src/interceptors/request-id.ts";
import { routesOf } from "../../../src/server/dispatch/route.ts";
import { serveHttp } from "../../../src/server/http-server.ts";
import { serveRest } from "../../../src/server/rest/serve-rest.ts";
import { loadShedderForTests } from "../../support/load-shedder.ts";
import { countingService } from "./counting-service.ts";

/** The REST protocol in front of handlers of the test's own. */
// biome-ignore lint/suspicious/noExplicitAny: a service made at run time has no types for its methods
export async function startNumbers(style: RestStyle, verbs: any) {
  const log = pino({ level: "silent" });
  const gate = createDrain();
  const interceptors: Interceptor[] = [requestId, mapErrors(log), gate.interceptor];
  const routes = routesOf(countingService(style), verbs);
  const protocol = { routes, interceptors, preBody: [requestId], observe: [], maxMessageBytes: 10_000, log };
  const rejectMember = () => new ApiError(ErrorReason.CONNECTOR_UNKNOWN, "there is none");
  const http = await serveHttp({
    ...protocol,
    host: "127.0.0.1",
    port: 0,
    corsOrigins: [],
    tls: undefined,
    plugins: [serveRest({ ...protocol, appVersion: "0", rejectMember })],
    checkHealth: async () => undefined,
    connectionLimits: { total: 1000, perAddress: 1000 },
    shedder: loadShedderForTests(),
  });
  return { url: `http://127.0.0.1:${http.port}/v1/numbers`, gate, stop: () => http.stop(100) };
}
