import type { Interceptor } from "@connectrpc/connect";
import { pino } from "pino";
import { accessLog } from "../../src/interceptors/access-log.ts";
import { onCallEnd } from "../../src/interceptors/call/on-call-end.ts";
import { measureCalls } from "../../src/interceptors/call-metrics.ts";
import { createDrain } from "../../src/interceptors/drain.ts";
import { mapErrors } from "../../src/interceptors/map-errors.ts";
import { requestId } from "../../src/interceptors/request-id.ts";
import { trace } from "../../src/interceptors/trace.ts";
import { serveGrpc } from "../../src/server/grpc/grpc-server.ts";
import { serveHttp } from "../../src/server/http-server.ts";
import { silent } from "../../src/telemetry/telemetry.ts";
import { loadShedderForTests } from "../support/load-shedder.ts";
import type { Serve } from "./conformance-server.ts";
import { isRequested } from "./conformance-service.ts";

const log = pino({ level: "silent" });

const connectionLimits = { total: 1000, perAddress: 1000 };

const report = [requestId, accessLog(log), measureCalls(silent.meter).interceptor, trace(silent.tracer)];

/** Of the interceptors all that do not ask for a token or a rule: the suite's calls have none. */
const interceptors = [...report, exceptForRequested(mapErrors(log)), createDrain().interceptor];

/** The gRPC port of the service. */
export const serveConnectoryGrpc: Serve = async ({ routes, tls, maxMessageBytes }) => {
  const { port } = await serveGrpc({
    shedder: loadShedderForTests(),
    host: "127.0.0.1",
    port: 0,
    routes,
    interceptors,
    preBody: [],
    access: [],
    observe: report,
    maxMessageBytes,
    tls,
    connectionLimits,
    httpPort: 0,
  });
  return port;
};

/** The HTTP port of the service. */
export const serveConnectoryHttp: Serve = async ({ routes, registry, tls, maxMessageBytes }) => {
  const { port } = await serveHttp({
    host: "127.0.0.1",
    port: 0,
    routes,
    interceptors,
    preBody: [requestId],
    observe: report,
    maxMessageBytes,
    corsOrigins: [],
    tls,
    connectionLimits,
    shedder: loadShedderForTests(),
    plugins: [],
    anyTypes: registry,
    checkHealth: async () => undefined,
    log,
  });
  return port;
};

/** The errors that the suite asks for are none of the service's, which would be answered as INTERNAL. */
function exceptForRequested(interceptor: Interceptor): Interceptor {
  return (next) => (request) => {
    let requested: unknown;
    const remember = (error: unknown) => {
      if (isRequested(error)) requested = error;
      return error;
    };
    const inner = interceptor((passed) => onCallEnd(next, passed, { mapError: remember }));
    return onCallEnd(inner, request, { mapError: (error) => requested ?? error });
  };
}
