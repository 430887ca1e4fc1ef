import { create, toBinary } from "@bufbuild/protobuf";
import { timestampNow } from "@bufbuild/protobuf/wkt";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { GetConnectionResponseSchema } from "../gen/connectory/v1/connection_service_pb.js";

// The floor that GetConnection is compared with: grpc-js with nothing behind it. It takes GetConnection's request and
// answers with as many bytes as GetConnection does, and neither decodes nor encodes a message. No token, no interceptor.
const now = timestampNow();
const answer = toBinary(
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

const server = new Server();
const asIs = (bytes: Buffer) => bytes;
server.addService(
  {
    getConnection: {
      path: "/connectory.v1.ConnectionService/GetConnection",
      requestStream: false,
      responseStream: false,
      requestSerialize: asIs,
      requestDeserialize: asIs,
      responseSerialize: asIs,
      responseDeserialize: asIs,
    },
  },
  {
    getConnection: (_call: unknown, done: (error: null, answer: Buffer) => void) => done(null, Buffer.from(answer)),
  },
);
const port = Number(process.argv[2]);
if (!(port > 0)) throw new Error("usage: echo-server.ts PORT");
server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error) => {
  if (error !== null) throw error;
});
