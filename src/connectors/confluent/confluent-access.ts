import { create } from "@bufbuild/protobuf";
import type { ConfluentConfig } from "../../../gen/connectory/v1/confluent_config_pb.js";
import { TlsConfigSchema } from "../../../gen/connectory/v1/tls_config_pb.js";
import type { KafkaAccess, LoginFields } from "../kafka/kafka-access.ts";

/** Returns the access of a `confluent` configuration: Kafka with TLS, and an API key as the user of SASL PLAIN. */
export function confluentAccess(config: ConfluentConfig): KafkaAccess {
  const { bootstrapServers, key, secret, schemaRegistry, tls = create(TlsConfigSchema) } = config;
  const login = { kind: "password", mechanism: "PLAIN", username: key, password: secret } as const;
  return { bootstrapServers, tls, login, fields, schemaRegistry };
}

const fields: LoginFields = { login: "key", mechanism: "bootstrap_servers", username: "key", password: "secret" };
