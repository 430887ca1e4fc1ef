import { expect, test } from "vitest";
import { CreateConnectionProfileRequestSchema as profile } from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import { BatchCheckConnectionsRequestSchema as batch } from "../../../gen/connectory/v1/connection_service_pb.js";
import { toRestPath } from "../../../src/server/problem-details/rest-path.ts";

test.each([
  [profile, "config.kafka.sasl.password", "config.sasl.password", "config.kafka.sasl.password"],
  [profile, "config.kafka.no_such.field", "config.no_such.field", "config.kafka.no_such.field"],
  [profile, "config.connector", "connector", "config.connector"],
  [profile, "config.kafka", "config", "config.kafka"],
  [profile, 'labels["a.b[0]\\"c"]', 'labels["a.b[0]\\"c"]', 'labels["a.b[0]\\"c"]'],
  [profile, 'config.http.headers["x-key"]', 'config.headers["x-key"]', 'config.http.headers["x-key"]'],
  [profile, "not a path at all", "not a path at all", "not a path at all"],
  [profile, "", "", ""],
  [batch, "pairs[17].user_id_1", "pairs[17].user_id_1", "pairs[17].user_id_1"],
] as const)("%#: %s", (schema, path, direct, wrapped) => {
  expect(toRestPath(schema, path, { names: "proto", wrapped: false })).toBe(direct);
  expect(toRestPath(schema, path, { names: "proto", wrapped: true })).toBe(wrapped);
});

test("in JSON names", () => {
  expect(toRestPath(batch, "pairs[17].user_id_1", { names: "json", wrapped: false })).toBe("pairs[17].userId1");
  expect(toRestPath(profile, "config.kafka.bootstrap_servers", { names: "json", wrapped: false })).toBe(
    "config.bootstrapServers",
  );
});
