import type { IssuerSettings } from "../auth/issuer-settings.ts";
import type { Address } from "../config/env-reader.ts";
import type { ConnectionAccess } from "../connections/connection-access.ts";
import type { EgressRule } from "../egress/egress-rule.ts";
import type { TelemetrySettings } from "../telemetry/telemetry-settings.ts";

/** A key-encryption key: 32 bytes under a name that is stored beside what it encrypted. */
export interface SecretKey {
  readonly id: string;
  readonly key: Uint8Array;
}

/** How to reach Kafka. */
export interface KafkaSettings {
  readonly brokers: readonly string[];
  readonly ssl: boolean;
  readonly sasl:
    | { mechanism: "plain" | "scram-sha-256" | "scram-sha-512"; username: string; password: string }
    | undefined;
}

/** Live tests and discoveries: how many at once, and how long one may take. */
export interface TestSettings {
  readonly total: number;
  readonly perOrganization: number;
  readonly perTarget: number;
  readonly perAddress: number;
  readonly deadlineMs: number;
}

/** Everything that the environment decides. */
export interface Config {
  readonly grpcAddress: Address;
  readonly httpAddress: Address;
  /** Absolute. */
  readonly dataDir: string;
  /** Undefined: the embedded server in `dataDir`. */
  readonly databaseUrl: string | undefined;
  /** False: behind a pooler that gives each transaction another session. */
  readonly databasePrepare: boolean;
  readonly databasePoolMax: number;
  /** Undefined: events wait in the log. */
  readonly kafka: KafkaSettings | undefined;
  readonly kafkaTopicPrefix: string;
  /** Undefined: the local development issuer. */
  readonly issuer: IssuerSettings | undefined;
  /** The first encrypts; all decrypt. Undefined: a key of its own in `dataDir`. */
  readonly secretKeys: readonly [SecretKey, ...SecretKey[]] | undefined;
  /** What `{{ NAME }}` in a secret may stand for, by `NAME` or `organization/NAME`. */
  readonly secretEnvironment: ReadonlyMap<string, string>;
  readonly tests: TestSettings;
  readonly egress: { allow: readonly EgressRule[]; deny: readonly EgressRule[] };
  readonly tls: { certFile: string; keyFile: string; clientCaFile: string | undefined } | undefined;
  readonly corsOrigins: readonly string[];
  readonly maxMessageBytes: number;
  /** Of each port. */
  readonly connectionLimits: { readonly total: number; readonly perAddress: number };
  readonly logLevel: string;
  readonly telemetry: TelemetrySettings;
  /** Whoever reads `/metrics` must bring it. Undefined: they are for this machine alone. */
  readonly metricsToken: string | undefined;
  readonly connectionAccess: ConnectionAccess;
}
