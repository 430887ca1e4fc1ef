import type { Method } from "./method-path.ts";

/** The protocols of the HTTP port. */
export type HttpProtocol = "connect" | "rest" | "mcp";

/** Where the load goes and as whom. */
export interface Target {
  readonly protocol: "grpc" | HttpProtocol | "redis";
  /** On 127.0.0.1. */
  readonly port: number;
  readonly method: Method;
  /** How many callers wait for an answer at a time. */
  readonly callers: number;
  /** The bearer token; absent for a server that asks for none. */
  readonly token?: string | undefined;
  /** What a method that takes an id asks for, in turn. */
  readonly ids: readonly string[];
  /** The address in the configurations of CreateConnectionProfile. */
  readonly address?: string;
}
