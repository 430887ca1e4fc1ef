import type { RabbitmqConfig } from "../../../gen/connectory/v1/rabbitmq_config_pb.js";

/** Where a configuration points to, and as whom, with what is meant when nothing is given. */
export function rabbitmqAddress({ host, port, username, virtualHost, tls }: RabbitmqConfig) {
  const defaultPort = tls === undefined ? 5552 : 5551;
  return {
    host: host === "" ? "localhost" : host,
    port: port === 0 ? defaultPort : port,
    username: username === "" ? "guest" : username,
    virtualHost: virtualHost === "" ? "/" : virtualHost,
  };
}
