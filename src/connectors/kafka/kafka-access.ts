import { create } from "@bufbuild/protobuf";
import type { KafkaConfig, KafkaSasl } from "../../../gen/connectory/v1/kafka_config_pb.js";
import type { SchemaRegistryConfig } from "../../../gen/connectory/v1/schema_registry_config_pb.js";
import { type TlsConfig, TlsConfigSchema } from "../../../gen/connectory/v1/tls_config_pb.js";

/** The access to a Kafka cluster, in one form for all connectors that use it. */
export interface KafkaAccess {
  /** `host:port`, comma separated. */
  readonly bootstrapServers: string;
  /** The effective TLS settings, explicit or implied; undefined for plaintext. */
  readonly tls: TlsConfig | undefined;
  readonly login: KafkaLogin | undefined;
  /** The fields of the connector's configuration to report when the log-in fails. */
  readonly fields: LoginFields;
  readonly schemaRegistry: SchemaRegistryConfig | undefined;
}

/** The credentials of a client. */
export type KafkaLogin = PasswordLogin | TokenLogin | OauthLogin | MskLogin;

/** SASL with a user name and password. */
export interface PasswordLogin {
  readonly kind: "password";
  /** `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`. */
  readonly mechanism: string;
  readonly username: string;
  readonly password: string;
}

/** OAUTHBEARER with a configured token. */
export interface TokenLogin {
  readonly kind: "token";
  readonly token: string;
}

/** OAUTHBEARER with a token that a token endpoint issues for a client's id and secret. */
export interface OauthLogin {
  readonly kind: "oauth";
  readonly tokenEndpoint: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** The requested scope; empty for none. */
  readonly scope: string;
  /** The form in which id and secret are sent: `client_secret_basic`, `client_secret_basic_raw` or `client_secret_post`. */
  readonly clientAuthentication: string;
}

/** OAUTHBEARER with a token that the client signs itself. */
export interface MskLogin {
  readonly kind: "msk";
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** The session token; empty for long-term credentials. */
  readonly sessionToken: string;
}

/** The configuration fields of a log-in. */
export interface LoginFields {
  /** The field of the whole log-in. */
  readonly login: string;
  readonly mechanism: string;
  readonly username: string;
  readonly password: string;
}

/** Returns the access of a `kafka` configuration. `SASL_SSL` and `aws_msk_iam` enable TLS without further settings. */
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

function saslLogin(sasl: KafkaSasl): KafkaLogin {
  const { mechanism, username, password, oauthTokenEndpoint, oauthScope, oauthClientAuthentication } = sasl;
  if (mechanism !== "OAUTHBEARER") return { kind: "password", mechanism, username, password };
  if (oauthTokenEndpoint === "") return { kind: "token", token: password };
  return {
    kind: "oauth",
    tokenEndpoint: oauthTokenEndpoint,
    clientId: username,
    clientSecret: password,
    scope: oauthScope,
    clientAuthentication: oauthClientAuthentication === "" ? "client_secret_basic" : oauthClientAuthentication,
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
/** Without a log-in, every failure of authentication points to `sasl`, the field to add. */
const noLoginFields: LoginFields = { login: "sasl", mechanism: "sasl", username: "sasl", password: "sasl" };
