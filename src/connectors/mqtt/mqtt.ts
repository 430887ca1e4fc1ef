import { type MqttConfig, MqttConfigSchema } from "../../../gen/connectory/v1/mqtt_config_pb.js";
import type { Connector } from "../sdk/connector.ts";
import { withoutQuery } from "../sdk/url.ts";
import { validateTls } from "../sdk/validate-tls.ts";
import { validateUrl } from "../sdk/validate-url.ts";
import { mqttAddress } from "./mqtt-address.ts";

/** A connector for brokers of MQTT 5 or 3.1.1, over TCP or WebSockets. */
export const mqtt: Connector<MqttConfig> = {
  id: "mqtt",
  name: "MQTT",
  description: "A broker of messages for devices",
  source: true,
  sink: true,
  config: MqttConfigSchema,
  describe: ({ url }) => withoutQuery(url),
  endpoints: (config) => {
    const { host, port } = mqttAddress(config);
    return [{ host, port }];
  },
  validate: (config) => [...checkBrokerUrl(config.url), ...checkClientId(config), ...validateTls(config.tls)],
  test: async (config, probe) => (await import("./probe-mqtt.ts")).probeMqtt(config, probe),
};

function checkBrokerUrl(text: string) {
  const violations = validateUrl("url", text, ["mqtt", "mqtts", "tcp", "ssl", "ws", "wss"]);
  const url = URL.parse(text);
  if (violations.length > 0 || url === null || /^wss?:$/.test(url.protocol)) return violations;
  if (["", "/"].includes(url.pathname) && url.search === "") return [];
  return [{ field: "url", description: "has a path or a query: only ws and wss have a use for them" }];
}

function checkClientId({ clientId, clientPrefix }: MqttConfig) {
  if (clientId === "" || clientPrefix === "") return [];
  return [{ field: "client_id", description: "cannot go with client_prefix: leave one of the two out" }];
}
