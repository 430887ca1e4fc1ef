import { once } from "node:events";
import { connect, createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { fromBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { ErrorInfoSchema, RequestInfoSchema, RetryInfoSchema } from "../../../gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../../../gen/google/rpc/status_pb.js";
import { rejectQueuedCalls } from "../../../src/server/grpc/reject-queued-calls.ts";
import { loadShedderForTests } from "../../support/load-shedder.ts";

test("a call that is not begun gets RESOURCE_EXHAUSTED with reason, request id and when to come back, in one header", async () => {
  const refuse = rejectQueuedCalls(() => "acme", loadShedderForTests());
  const server = createServer().on("stream", refuse).listen(0, "127.0.0.1");
  await once(server, "listening");
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  try {
    const stream = session.request({ ":method": "POST", ":path": "/a.B/C", "x-request-id": "given" });
    const [headers, flags] = await once(stream, "response");
    expect([headers["grpc-status"], headers["x-request-id"], flags & 1]).toEqual(["8", "given", 1]);
    expect(decodeURI(headers["grpc-message"])).toContain("more calls than it can answer in time");
    const { details } = fromBinary(StatusSchema, Buffer.from(headers["grpc-status-details-bin"], "base64"));
    const [reason, request, retry] = details;
    expect(reason && anyUnpack(reason, ErrorInfoSchema)?.reason).toBe("QUEUE_FULL");
    expect(request && anyUnpack(request, RequestInfoSchema)?.requestId).toBe("given");
    expect(retry && anyUnpack(retry, RetryInfoSchema)?.retryDelay).toBeDefined();
  } finally {
    session.destroy();
    server.close();
  }
});
