import type { Socket } from "node:net";
import type { Message, MessageInitShape } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import type { DiscoveredResourceSchema } from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import type { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import type { TlsConfig } from "../../../gen/connectory/v1/tls_config_pb.js";
import type { Target } from "../../egress/egress-policy.ts";
import type { FieldViolation } from "../../errors/api-error.ts";

/** What there is to say of any connector. */
export interface ListedConnector {
  /** Its name in requests, such as `kafka`. */
  readonly id: string;
  /** The name for people. */
  readonly name: string;
  /** What it is, in a sentence. */
  readonly description: string;
  /** Data can be read from it. */
  readonly source: boolean;
  /** Data can be written to it. */
  readonly sink: boolean;
  /** The connector whose profiles it uses, when it has none of its own. */
  readonly profileConnector?: string;
}

/**
 * What the service must know of a kind of external system that profiles are made for. The configuration is a protobuf
 * message: its fields, rules, secrets and destinations are read from its descriptor, nowhere else. `id` is the name of its
 * member in `ConnectorConfig.connector`.
 */
export interface Connector<Config extends Message = Message> extends ListedConnector {
  readonly config: GenMessage<Config>;
  /** What a configuration points to, for people. Gets it without its secrets. */
  describe(config: Config): string;
  /** The addresses that a test of it begins with; what a server names later is not among them. Dials nothing. */
  endpoints(config: Config): readonly Target[];
  /** Rules that `buf.validate` cannot express; field paths inside the configuration. Dials nothing. */
  validate?(config: Config): readonly FieldViolation[];
  /**
   * Tries a configuration (with its secrets) against the real system and changes nothing there. Everything it finds
   * goes to the probe; it rejects when the system cannot be used as configured. Runs in a test thread, and imports its
   * client library there, when it is needed: no other thread loads it.
   */
  test?(config: Config, probe: Probe): Promise<void>;
  /** Lists what lies in the system, where that can be done; as `test` in everything else. */
  discover?(config: Config, probe: Probe, question: DiscoveryRequest): Promise<DiscoveredPage>;
}

/** Which part of what lies in a system. */
export interface DiscoveryRequest {
  /** The name of a container that the connector has answered; empty for the top. */
  readonly parent: string;
  /** The most resources to answer with, at least 1. */
  readonly pageSize: number;
  /** `nextCursor` of the page before; empty for the first page. */
  readonly cursor: string;
}

/** A part of what lies in a system. */
export interface DiscoveredPage {
  readonly resources: readonly MessageInitShape<typeof DiscoveredResourceSchema>[];
  /** Where the next page begins, in the connector's own words, at most 1000 characters; empty on the last page. */
  readonly nextCursor: string;
}

/** What a running test works with. */
export interface Probe {
  /** Aborts when the test must end: its deadline, or the caller gone. Every socket is destroyed then. */
  readonly signal: AbortSignal;
  /** How long a test may take in all, in milliseconds. */
  readonly deadlineMs: number;
  /** Runs one step and records how it ended. Rejects with a ProbeError, recorded already. */
  step<T>(step: Step, run: () => Promise<T>): Promise<T>;
  /** Records a step that does not apply to this configuration. */
  skip(stage: TestStage, endpoint: string): void;
  /** Resolves, asks the egress policy, connects and secures, each a step. The only way to get a socket. */
  open(endpoint: Endpoint): Promise<Socket>;
  /** Turns the failures at an endpoint into warnings, because the system can be used without it. */
  downgradeToWarning(endpoint: string): void;
  /** Records a fact about the system. The value may come from the other side as it is: secrets in it are not shown. */
  fact(name: string, value: string): void;
  /** Says that a text is a secret too, though it is not in the configuration: a token that was given or signed. */
  addSecret(value: string): void;
}

/** What a step is about. */
export interface Step {
  readonly stage: TestStage;
  /** The address that it is tried with, such as `broker-1:9092`. */
  readonly endpoint: string;
  /** The configuration field to look at when it fails and the error says nothing better. */
  readonly field: string;
  /** What to look at even when it works. */
  readonly warning?: { readonly code: string; readonly hint: string } | undefined;
  /** Ends the step before the test's own end, in milliseconds. */
  readonly timeoutMs?: number | undefined;
  /** What to add to the hint when it fails. */
  readonly note?: string | undefined;
  /** Says what a library's error means; undefined leaves it to the general translation. */
  translate?(error: unknown): ProbeError | undefined;
}

/** A place to open a connection to. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  /** The configuration field that it comes from. */
  readonly field: string;
  /** What to add to the hint when a step fails there, such as who named the address. */
  readonly note?: string | undefined;
  /** With it the socket comes back after a TLS handshake. */
  readonly tls?: TlsConfig | undefined;
  /** What the path of `tls` begins with when it is not at the top of the configuration, such as `schema_registry.`. */
  readonly tlsPrefix?: string | undefined;
  /** What the protocol says in clear before TLS begins; part of the TLS step. */
  beforeTls?(socket: Socket, signal: AbortSignal): Promise<void>;
}

/** `host:port`, an IPv6 address in brackets. */
export function endpointName({ host, port }: { readonly host: string; readonly port: number }): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Why a step failed, in words of ours: a stable code, a hint for people, and the configuration field to look at. */
export class ProbeError extends Error {
  readonly code: string;
  readonly hint: string;
  readonly field: string | undefined;
  /** The stage that failed, when the step had come further than its own: a log-in that worked and was then refused. */
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
