import { readFileSync } from "node:fs";
import { fromJson, type JsonObject, toBinary } from "@bufbuild/protobuf";
import { TestConnectionProfileRequestSchema } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import type { Attack } from "./attack.ts";
import { json, mcp, repeated, toolCall } from "./http1-attacks.ts";
import { calls } from "./http2-attacks.ts";
import { frame, slowKey } from "./payloads.ts";

const test = "/connectory.v1.ConnectionProfileService/TestConnectionProfile";
const cert = readFileSync(new URL("../../test/support/certificates/client.pem", import.meta.url), "utf8");

/** A configuration in which nothing is wrong but that its key cannot be read: a fresh one, which nobody has seen before. */
const config = () => ({ address: "rediss://127.0.0.1:1", tls: { cert, key: slowKey() } });
const rest = (more: JsonObject = {}) => JSON.stringify({ connector: "redis", config: config(), ...more });
const connect = () => JSON.stringify({ config: { redis: config() } });
const binary = () =>
  toBinary(TestConnectionProfileRequestSchema, fromJson(TestConnectionProfileRequestSchema, JSON.parse(connect())));
const grpc = { path: test, body: () => frame(binary(), false), streams: 4, ends: true, withToken: true } as const;

/** Keys whose passwords take seconds to be found wrong, in every call that takes one and over every protocol. */
export const slowKeyAttacks: Readonly<Record<string, Attack>> = {
  "b2-slow-key-rest": repeated("/v1/connection_profiles/test", rest, json),
  "b2-slow-key-rest-create": repeated("/v1/connection_profiles", () => rest({ name: "slow" }), json),
  "b2-slow-key-rest-discover": repeated("/v1/connection_profiles/discover", rest, json),
  "b2-slow-key-connect": repeated(test, connect, json),
  "b2-slow-key-mcp": repeated("/mcp", () => toolCall("testConnectionProfile", rest()), mcp),
  "b2-slow-key-grpc": calls({ ...grpc, port: "grpcPort", type: "application/grpc" }, 1000),
  "b2-slow-key-grpc-http": calls({ ...grpc, port: "httpPort", type: "application/grpc" }, 1000),
  "b2-slow-key-grpc-web": calls({ ...grpc, port: "httpPort", type: "application/grpc-web+proto" }, 1000),
};
