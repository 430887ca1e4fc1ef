import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { MqttConfigSchema } from "../../../gen/connectory/v1/mqtt_config_pb.js";
import { connectors } from "../../../src/connectors/registry.ts";
import { pem } from "../local-server.ts";

describe("the configuration", () => {
  const config = (init: MessageInitShape<typeof MqttConfigSchema>) => create(MqttConfigSchema, init);

  test.each([
    [{ url: "mqtt://broker.example" }, "broker.example", 1883],
    [{ url: "tcp://broker.example:2000" }, "broker.example", 2000],
    [{ url: "mqtts://broker.example" }, "broker.example", 8883],
    [{ url: "mqtt://broker.example", tls: {} }, "broker.example", 8883],
    [{ url: "ssl://[2001:db8::1]" }, "2001:db8::1", 8883],
    [{ url: "ws://broker.example/mqtt" }, "broker.example", 80],
    [{ url: "wss://broker.example/mqtt?a=b" }, "broker.example", 443],
    [{ url: "wss://broker.example:8084" }, "broker.example", 8084],
  ])("%j leads to %s %i", (init, host, port) => {
    expect(connectors.mqtt.validate?.(config(init))).toEqual([]);
    expect(connectors.mqtt.endpoints(config(init))).toEqual([{ host, port }]);
    expect(connectors.mqtt.describe(config(init))).toBe(init.url.replace("?a=b", ""));
  });

  test.each([
    [{ url: "broker.example:1883" }, "url"],
    [{ url: "http://broker.example" }, "url"],
    [{ url: "mqtt://u:p@broker.example" }, "url"],
    [{ url: "mqtt://broker.example:70000" }, "url"],
    [{ url: "mqtt://broker.example/topic" }, "url"],
    [{ url: "mqtt://broker.example?a=b" }, "url"],
    [{ url: "mqtts://broker.example", tls: { ca: "none" } }, "tls.ca"],
    [{ url: "mqtts://broker.example", tls: { cert: pem("server") } }, "tls.key"],
  ])("%j is refused", (init, field) => {
    expect(connectors.mqtt.validate?.(config(init)).map((violation) => violation.field)).toEqual([field]);
  });
});
