import { create } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { describe, expect, test } from "vitest";
import { GetConnectorResponseSchema } from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectorConfigSchema } from "../../../gen/connectory/v1/connector_pb.js";
import { checkTexts } from "../../../src/connection-profiles/config/validate-config.ts";

describe("checkTexts", () => {
  test("finds text that is no Unicode, as JSON can carry it, and NUL, at any depth", () => {
    const sasl = { protocol: "SASL_SSL", mechanism: "PLAIN", username: "a\ud800", password: "\0" };
    const config = create(ConnectorConfigSchema, {
      connector: { case: "kafka", value: { bootstrapServers: "ä🔑", sasl } },
    });
    const { malformed } = checkTexts(reflect(ConnectorConfigSchema, config), "config.");
    expect(malformed.map(({ field }) => field)).toEqual(["config.kafka.sasl.username", "config.kafka.sasl.password"]);
  });

  test("looks into lists", () => {
    const message = create(GetConnectorResponseSchema, { connector: { fields: [{ path: "a" }, { path: "\0" }] } });
    const { malformed } = checkTexts(reflect(GetConnectorResponseSchema, message));
    expect(malformed.map(({ field }) => field)).toEqual(["connector.fields.path"]);
  });
});
