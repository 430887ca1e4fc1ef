import { didYouMean } from "../errors/did-you-mean.ts";

/** Other names of the systems, and products that speak the protocol of one, in lower case without `_`, `-` and blanks. */
const otherNames: Readonly<Record<string, string>> = {
  apachekafka: "kafka",
  awss3: "s3",
  confluentcloud: "confluent",
  confluentkafka: "confluent",
  https: "http",
  jetstream: "nats",
  mariadb: "mysql",
  minio: "s3",
  mosquitto: "mqtt",
  msk: "kafka",
  pg: "postgres",
  postgresql: "postgres",
  redpanda: "kafka",
  rest: "http",
  valkey: "redis",
  webhook: "http",
  ws: "websocket",
  wss: "websocket",
};

/** Returns `: did you mean kafka?` for a name that is similar to that of a connector, or an empty text. */
export function similarConnector(named: string, known: readonly string[]): string {
  return didYouMean(named, known, otherNames);
}
