import { create } from "@bufbuild/protobuf";
import type { KafkaConfig, KafkaSasl } from "../../../gen/connectory/v1/kafka_config_pb.js";
import type { SchemaRegistryConfig } from "../../../gen/connectory/v1/schema_registry_config_pb.js";
import { type TlsConfig, TlsConfigSchema } from "../../../gen/connectory/v1/tls_config_pb.js";

/** How to reach a Kafka cluster, in one form for every connector that does: what tests and discovery work with. */
export interface KafkaAccess {
  /** `host:port`, comma separated. */
  readonly bootstrapServers: string;
  /** The TLS that is meant, be it written out or not; undefined for clusters in clear. */
  readonly tls: TlsConfig | undefined;
  readonly login: KafkaLogin | undefined;
  /** Which fields of the connector's configuration to name when the log-in fails. */
  readonly fields: LoginFields;
  readonly schemaRegistry: SchemaRegistryConfig | undefined;
}

/** With what a client proves who it is. */
export type KafkaLogin = PasswordLogin | TokenLogin | OauthLogin | MskLogin;

export interface PasswordLogin {
  readonly kind: "password";
  /** `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`. */
  readonly mechanism: string;
  readonly username: string;
  readonly password: string;
}

/** OAUTHBEARER with a token that is there. */
export interface TokenLogin {
  readonly kind: "token";
  readonly token: string;
}

/** OAUTHBEARER with a token that a token endpoint gives for a client's id and secret. */
export interface OauthLogin {
  readonly kind: "oauth";
  readonly tokenEndpoint: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Empty to ask for none. */
  readonly scope: string;
}

/** OAUTHBEARER with a token that the client signs itself. */
export interface MskLogin {
  readonly kind: "msk";
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Empty for credentials that last. */
  readonly sessionToken: string;
}

export interface LoginFields {
  /** Of the whole log-in. */
  readonly login: string;
  readonly mechanism: string;
  readonly username: string;
  readonly password: string;
}

/** What a `kafka` configuration means. `SASL_SSL` and `aws_msk_iam` turn TLS on without further settings. */
export function kafkaAccess(config: KafkaConfig): KafkaAccess {
  const { bootstrapServers, sasl, awsMskIam, schemaRegistry } = config;
  const encrypted = sasl?.protocol === "SASL_SSL" || awsMskIam !== undefined;
  const tls = config.tls ?? (encrypted ? create(TlsConfigSchema) : undefined);
  const reached = { bootstrapServers, tls, schemaRegistry };
  if (awsMskIam !== undefined) {
    const { region, accessKeyId, secretAccessKey, sessionToken } = awsMskIam;
    const login: MskLogin = { kind: "msk", region, accessKeyId, secretAccessKey, sessionToken };
    return { ...reached, login, fields: mskFields };
  }
  if (sasl !== undefined) return { ...reached, login: saslLogin(sasl), fields: saslFields };
  return { ...reached, login: undefined, fields: noLoginFields };
}

function saslLogin({ mechanism, username, password, oauthTokenEndpoint, oauthScope }: KafkaSasl): KafkaLogin {
  if (mechanism !== "OAUTHBEARER") return { kind: "password", mechanism, username, password };
  if (oauthTokenEndpoint === "") return { kind: "token", token: password };
  return {
    kind: "oauth",
    tokenEndpoint: oauthTokenEndpoint,
    clientId: username,
    clientSecret: password,
    scope: oauthScope,
  };
}

const saslFields: LoginFields = {
  login: "sasl",
  mechanism: "sasl.mechanism",
  username: "sasl.username",
  password: "sasl.password",
};
const mskFields: LoginFields = {
  login: "aws_msk_iam",
  mechanism: "aws_msk_iam",
  username: "aws_msk_iam.access_key_id",
  password: "aws_msk_iam.secret_access_key",
};
/** A broker that wants a log-in, or refuses unauthenticated clients, is satisfied with one. */
const noLoginFields: LoginFields = { login: "sasl", mechanism: "sasl", username: "sasl", password: "sasl" };
