import { create, toBinary } from "@bufbuild/protobuf";
import { timestampNow } from "@bufbuild/protobuf/wkt";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { GetConnectionProfileResponseSchema } from "../gen/connectory/v1/connection_profile_service_pb.js";
import { GetConnectionResponseSchema } from "../gen/connectory/v1/connection_service_pb.js";
import { type Method, methodPath } from "./load/method-path.ts";

// The floor that reads are compared with: grpc-js with nothing behind it. It takes the request of GetConnection or of
// GetConnectionProfile and answers with as many bytes as they do, and neither decodes nor encodes a message. No token, no
// interceptor.
const now = timestampNow();
const connection = toBinary(
  GetConnectionResponseSchema,
  create(GetConnectionResponseSchema, {
    connection: {
      id: "00000000-0000-7000-8000-000000000000",
      connectedSince: now,
      userId1: "a00000000-0000-4000-8000-000000000000",
      userId2: "b00000000-0000-4000-8000-000000000000",
      isActive: true,
      recordVersion: 1,
      createdAt: now,
      updatedAt: now,
      owner: "bench",
    },
  }),
);
const profile = toBinary(
  GetConnectionProfileResponseSchema,
  create(GetConnectionProfileResponseSchema, {
    connectionProfile: {
      id: "cp_00000000000000000000",
      name: "00000000-0000-4000-8000-000000000000",
      connector: "redis",
      config: { connector: { case: "redis", value: { address: "redis://127.0.0.1:00000" } } },
      description: "127.0.0.1:00000",
      etag: "r100",
      revision: 100n,
      createdAt: now,
      updatedAt: now,
      createdBy: "bench",
      updatedBy: "bench",
      secrets: [{ path: "password", set: true, fingerprint: "0000000000000000", updatedAt: now }, { path: "tls.key" }],
    },
  }),
);

const server = new Server();
const asIs = (bytes: Buffer) => bytes;
const unary = (method: Method) => ({
  path: methodPath(method),
  requestStream: false,
  responseStream: false,
  requestSerialize: asIs,
  requestDeserialize: asIs,
  responseSerialize: asIs,
  responseDeserialize: asIs,
});
const answerWith = (answer: Uint8Array) => (_call: unknown, done: (error: null, answer: Buffer) => void) =>
  done(null, Buffer.from(answer));
server.addService(
  { getConnection: unary("GetConnection"), getConnectionProfile: unary("GetConnectionProfile") },
  { getConnection: answerWith(connection), getConnectionProfile: answerWith(profile) },
);
const port = Number(process.argv[2]);
if (!(port > 0)) throw new Error("usage: echo-server.ts PORT");
server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error) => {
  if (error !== null) throw error;
});
