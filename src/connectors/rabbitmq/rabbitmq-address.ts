import type { RabbitmqConfig } from "../../../gen/connectory/v1/rabbitmq_config_pb.js";

/**
 * Returns the address, user and virtual host of a configuration. Defaults: `localhost`, port 5552, or 5551 with TLS; user
 * `guest`; virtual host `/`.
 */
export function rabbitmqAddress({ host, port, username, virtualHost, tls }: RabbitmqConfig) {
  const defaultPort = tls === undefined ? 5552 : 5551;
  return {
    host: host === "" ? "localhost" : host,
    port: port === 0 ? defaultPort : port,
    username: username === "" ? "guest" : username,
    virtualHost: virtualHost === "" ? "/" : virtualHost,
  };
}
