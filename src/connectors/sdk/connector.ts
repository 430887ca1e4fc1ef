import type { Socket } from "node:net";
import type { Message, MessageInitShape } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import type { DiscoveredResourceSchema } from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import type { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import type { TlsConfig } from "../../../gen/connectory/v1/tls_config_pb.js";
import type { Target } from "../../egress/egress-policy.ts";
import type { FieldViolation } from "../../errors/api-error.ts";

/** The description of a connector, with or without profiles. */
export interface ListedConnector {
  /** The identifier in requests, such as `kafka`. */
  readonly id: string;
  /** The display name. */
  readonly name: string;
  /** A description in a sentence. */
  readonly description: string;
  /** True when pipelines can read from it. */
  readonly source: boolean;
  /** True when pipelines can write to it. */
  readonly sink: boolean;
  /** The connector whose profiles it uses. Default: none. */
  readonly profileConnector?: string;
}

/**
 * The port of a kind of external system with profiles. The configuration is a protobuf message; its fields, rules, secrets and
 * destinations are read only from its descriptor. `id` is the name of its member in `ConnectorConfig.connector`.
 */
export interface Connector<Config extends Message = Message> extends ListedConnector {
  /** The descriptor of the configuration. */
  readonly config: GenMessage<Config>;
  /** Returns the target of a configuration for display. The argument has no secrets. */
  describe(config: Config): string;
  /** Returns the first addresses of a test, without those that a server announces later. Opens no connection. */
  endpoints(config: Config): readonly Target[];
  /**
   * Returns violations of rules that `buf.validate` cannot express, with field paths inside the configuration. Opens no
   * connection. Default: no further rules.
   */
  validate?(config: Config): readonly FieldViolation[];
  /**
   * Tests a configuration (with its secrets) against the real system without a change there, and reports its findings to the
   * probe. Rejects when the system cannot be used as configured. Runs in a worker and imports its client library there, on
   * demand; no other thread loads it. Default: the connector does not support tests.
   */
  test?(config: Config, probe: Probe): Promise<void>;
  /**
   * Returns a page of the system's resources; in other respects like `test`. Default: the connector does not support discovery.
   */
  discover?(config: Config, probe: Probe, discovery: DiscoveryRequest): Promise<DiscoveredPage>;
}

/** The requested part of a system's resources. */
export interface DiscoveryRequest {
  /** The name of a container from an earlier page; empty for the top level. */
  readonly parent: string;
  /** The maximum number of resources, at least 1. */
  readonly pageSize: number;
  /** `nextCursor` of the page before; empty for the first page. */
  readonly cursor: string;
}

/** A page of a system's resources. */
export interface DiscoveredPage {
  readonly resources: readonly MessageInitShape<typeof DiscoveredResourceSchema>[];
  /** The start of the next page, in a format of the connector, at most 1000 characters; empty on the last page. */
  readonly nextCursor: string;
}

/** The interface of a running test to the service. */
export interface Probe {
  /** Aborts at the deadline or when the caller cancels. Every socket is then destroyed. */
  readonly signal: AbortSignal;
  /** The time limit of the whole test, in milliseconds. */
  readonly deadlineMs: number;
  /** Runs one step, records its outcome and returns the result. Rejects with a ProbeError, which is recorded. */
  step<T>(step: Step, run: () => Promise<T>): Promise<T>;
  /** Records a step that does not apply to this configuration. */
  skip(stage: TestStage, endpoint: string): void;
  /**
   * Returns a socket: resolves, checks the egress policy, connects and secures, each as a step. The only source of sockets.
   * Rejects with a ProbeError.
   */
  open(endpoint: Endpoint): Promise<Socket>;
  /** Turns the failures at an endpoint into warnings, for a system that is usable without it. */
  downgradeToWarning(endpoint: string): void;
  /** Records a fact about the system. The value may be unprocessed text of the remote system: secrets in it are redacted. */
  fact(name: string, value: string): void;
  /** Adds a secret that is not in the configuration: a token that was issued or signed. */
  addSecret(value: string): void;
}

/** The description of a step. */
export interface Step {
  readonly stage: TestStage;
  /** The address of the step, such as `broker-1:9092`. */
  readonly endpoint: string;
  /** The configuration field to report for a failure whose error names no other. */
  readonly field: string;
  /** The warning of a successful step. Default: none. */
  readonly warning?: { readonly code: string; readonly hint: string } | undefined;
  /** The time limit of the step, in milliseconds. Default: that of the test. */
  readonly timeoutMs?: number | undefined;
  /** A text that follows the hint of a failure. Default: none. */
  readonly note?: string | undefined;
  /** Translates an error of a library; undefined selects the general translation, which is the default. */
  translate?(error: unknown): ProbeError | undefined;
}

/** The destination of a connection. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  /** The configuration field with the address. */
  readonly field: string;
  /** A text that follows the hint of a failed step, such as the origin of the address. Default: none. */
  readonly note?: string | undefined;
  /** The TLS settings; the socket is then returned after the handshake. Default: plaintext. */
  readonly tls?: TlsConfig | undefined;
  /**
   * The prefix of the path of `tls` when it is not at the top of the configuration, such as `schema_registry.`. Default: empty.
   */
  readonly tlsPrefix?: string | undefined;
  /** The plaintext exchange of the protocol before TLS; part of the TLS step. Default: none. */
  beforeTls?(socket: Socket, signal: AbortSignal): Promise<void>;
}

/** Returns `host:port`, with an IPv6 address in brackets. */
export function endpointName({ host, port }: { readonly host: string; readonly port: number }): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The failure of a step: a stable code, a hint in the service's own words, and the configuration field to correct. */
export class ProbeError extends Error {
  readonly code: string;
  readonly hint: string;
  readonly field: string | undefined;
  /**
   * The failed stage, when it is later than that of the step: a log-in that succeeded and was then denied. Default: the stage
   * of the step.
   */
  readonly stage: TestStage | undefined;

  constructor(code: string, hint: string, field?: string, stage?: TestStage) {
    super(`${code}: ${hint}`);
    this.name = "ProbeError";
    this.code = code;
    this.hint = hint;
    this.field = field;
    this.stage = stage;
  }
}
