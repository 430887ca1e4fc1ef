import type { DescField, DescMessage, DescOneof } from "@bufbuild/protobuf";

/** Words with a spelling of their own; all others are in lower case. */
const spellings: Readonly<Record<string, string>> = {
  amqp: "AMQP",
  api: "API",
  aws: "AWS",
  ca: "CA",
  http: "HTTP",
  iam: "IAM",
  id: "ID",
  jwt: "JWT",
  mqtt: "MQTT",
  msk: "MSK",
  mysql: "MySQL",
  nats: "NATS",
  nkey: "NKey",
  oauth: "OAuth",
  postgres: "PostgreSQL",
  rabbitmq: "RabbitMQ",
  s3: "S3",
  sasl: "SASL",
  tls: "TLS",
  url: "URL",
  websocket: "WebSocket",
};

/** Returns a title for people: `bootstrap_servers` is "Bootstrap servers", `KafkaConfig` is "Kafka". */
export function titleOf(desc: DescField | DescMessage | DescOneof): string {
  const name =
    desc.kind === "message" ? desc.name.replace(/Config$/, "").replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, "_") : desc.name;
  const words = name.split("_").map((word) => spellings[word.toLowerCase()] ?? word.toLowerCase());
  const [first = "", ...others] = words;
  return [first.charAt(0).toUpperCase() + first.slice(1), ...others].join(" ");
}
