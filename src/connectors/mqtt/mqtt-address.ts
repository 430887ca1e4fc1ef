import { create } from "@bufbuild/protobuf";
import type { MqttConfig } from "../../../gen/connectory/v1/mqtt_config_pb.js";
import { type TlsConfig, TlsConfigSchema } from "../../../gen/connectory/v1/tls_config_pb.js";
import { urlTarget } from "../sdk/url.ts";

/** The address of a configuration, with defaults for omitted parts of the URL. */
export interface MqttAddress {
  readonly host: string;
  /** The port. Default: 1883, or 8883 with TLS; 80 for `ws`, 443 for `wss`. */
  readonly port: number;
  readonly tls: TlsConfig | undefined;
  /** The URL of the WebSocket; undefined for plain TCP. */
  readonly webSocketUrl: string | undefined;
}

/** Returns the address of a validated configuration. */
export function mqttAddress(config: MqttConfig): MqttAddress {
  const url = new URL(config.url);
  const tls = config.tls ?? (["mqtts:", "ssl:", "wss:"].includes(url.protocol) ? create(TlsConfigSchema) : undefined);
  const isWebSocket = url.protocol === "ws:" || url.protocol === "wss:";
  const usual = tls === undefined ? 1883 : 8883;
  const { host, port } = isWebSocket || url.port !== "" ? urlTarget(url) : { ...urlTarget(url), port: usual };
  // The scheme tells the client that its socket is encrypted.
  const scheme = tls === undefined ? "ws" : "wss";
  return {
    host,
    port,
    tls,
    webSocketUrl: isWebSocket ? `${scheme}://${url.hostname}:${port}${url.pathname}${url.search}` : undefined,
  };
}
