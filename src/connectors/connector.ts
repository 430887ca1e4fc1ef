import type { Socket } from "node:net";
import type { Message } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import type { TestStage } from "../../gen/connectory/v1/test_report_pb.js";
import type { TlsConfig } from "../../gen/connectory/v1/tls_config_pb.js";
import type { FieldViolation } from "../failure.ts";

/**
 * What the service must know of a kind of external system. The configuration is a protobuf message: its fields, rules,
 * secrets and destinations are read from its descriptor, nowhere else.
 */
export interface Connector<Config extends Message = Message> {
  /** The name of its member in `ConnectorConfig.connector`, such as `kafka`. */
  readonly id: string;
  /** The name for people. */
  readonly name: string;
  /** What it is, in a sentence. */
  readonly description: string;
  /** Data can be read from it. */
  readonly source: boolean;
  /** Data can be written to it. */
  readonly sink: boolean;
  readonly config: GenMessage<Config>;
  /** What a configuration points to, for people. Gets it without its secrets. */
  describe(config: Config): string;
  /** Rules that `buf.validate` cannot express; field paths inside the configuration. Dials nothing. */
  check?(config: Config): readonly FieldViolation[];
  /**
   * Tries a configuration (with its secrets) against the real system and changes nothing there. Everything it finds
   * goes to the probe; it rejects when the system cannot be used as configured. Runs in a test thread, and imports its
   * client library there, when it is needed: no other thread loads it.
   */
  test?(config: Config, probe: Probe): Promise<void>;
}

/** The hands of a running test. */
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
  forgive(endpoint: string): void;
  /** Records a fact about the system. */
  fact(name: string, value: string): void;
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
  readonly patienceMs?: number | undefined;
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

  constructor(code: string, hint: string, field?: string) {
    super(`${code}: ${hint}`);
    this.name = "ProbeError";
    this.code = code;
    this.hint = hint;
    this.field = field;
  }
}
