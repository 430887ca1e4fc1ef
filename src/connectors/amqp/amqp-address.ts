import type { AmqpConfig } from "../../../gen/connectory/v1/amqp_config_pb.js";

/**
 * Returns the address, user and virtual host of a configuration. Defaults: port 5672, or 5671 with TLS; user `guest`; virtual
 * host `/`.
 */
export function amqpAddress({ host, port, username, virtualHost, tls }: AmqpConfig) {
  const defaultPort = tls === undefined ? 5672 : 5671;
  return {
    host,
    port: port === 0 ? defaultPort : port,
    username: username === "" ? "guest" : username,
    virtualHost: virtualHost === "" ? "/" : virtualHost,
  };
}
