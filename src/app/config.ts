import type { IssuerSettings } from "../auth/issuer-settings.ts";
import type { Address } from "../config/env-reader.ts";
import type { ConnectionAccess } from "../connections/connection-access.ts";
import type { EgressRule } from "../egress/egress-rule.ts";
import type { TelemetrySettings } from "../telemetry/telemetry-settings.ts";

/** A key-encryption key: 32 bytes, with an id that is stored beside the data keys that it wraps. */
export interface SecretKey {
  readonly id: string;
  readonly key: Uint8Array;
}

/** The address and credentials of Kafka. */
export interface KafkaSettings {
  readonly brokers: readonly string[];
  readonly ssl: boolean;
  readonly sasl:
    | { mechanism: "plain" | "scram-sha-256" | "scram-sha-512"; username: string; password: string }
    | undefined;
}

/** Limits of concurrent live tests and discoveries, and the time limit of each in milliseconds. Defaults: see `parseConfig`. */
export interface TestSettings {
  readonly total: number;
  readonly perOrganization: number;
  readonly perTarget: number;
  readonly perAddress: number;
  readonly deadlineMs: number;
}

/** The configuration of the service. Defaults: see `parseConfig`. */
export interface Config {
  readonly grpcAddress: Address;
  readonly httpAddress: Address;
  /** An absolute path. */
  readonly dataDir: string;
  /** Undefined: the embedded server in `dataDir`. */
  readonly databaseUrl: string | undefined;
  /** False: a pooler in front of the database gives each transaction another session. */
  readonly databasePrepare: boolean;
  readonly databasePoolMax: number;
  /** Undefined: events stay in the log. */
  readonly kafka: KafkaSettings | undefined;
  readonly kafkaTopicPrefix: string;
  /** Undefined: the local development issuer. */
  readonly issuer: IssuerSettings | undefined;
  /** The first encrypts; all decrypt. Undefined: a generated key in `dataDir`. */
  readonly secretKeys: readonly [SecretKey, ...SecretKey[]] | undefined;
  /** The values of `{{ NAME }}` in secrets, by `NAME` or `organization/NAME`. */
  readonly secretEnvironment: ReadonlyMap<string, string>;
  readonly tests: TestSettings;
  readonly egress: { allow: readonly EgressRule[]; deny: readonly EgressRule[] };
  readonly tls: { certFile: string; keyFile: string; clientCaFile: string | undefined } | undefined;
  readonly corsOrigins: readonly string[];
  readonly maxHeaderBytes: number;
  readonly maxMessageBytes: number;
  /** Limits of connections, for each port. */
  readonly connectionLimits: { readonly total: number; readonly perAddress: number };
  readonly logLevel: string;
  readonly telemetry: TelemetrySettings;
  /** The bearer token for `/metrics`. Undefined: only this machine may read them. */
  readonly metricsToken: string | undefined;
  readonly connectionAccess: ConnectionAccess;
}
