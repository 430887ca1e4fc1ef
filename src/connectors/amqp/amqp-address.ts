import type { AmqpConfig } from "../../../gen/connectory/v1/amqp_config_pb.js";

/** Where a configuration points to, and as whom, with what is meant when nothing is given. */
export function amqpAddress({ host, port, username, virtualHost, tls }: AmqpConfig) {
  const defaultPort = tls === undefined ? 5672 : 5671;
  return {
    host,
    port: port === 0 ? defaultPort : port,
    username: username === "" ? "guest" : username,
    virtualHost: virtualHost === "" ? "/" : virtualHost,
  };
}
