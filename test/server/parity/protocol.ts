import {
  type DescMessage,
  type DescMethod,
  fromJson,
  type JsonObject,
  type JsonValue,
  toJson,
} from "@bufbuild/protobuf";
import { errorDetailRegistry } from "../../../src/server/dispatch/error-detail-registry.ts";

/** What a call is refused with, whatever the protocol: the names are those of gRPC and of the contract. */
export interface Refusal {
  /** Such as `ALREADY_EXISTS`. */
  readonly code: string;
  /** Such as `CONNECTION_ALREADY_EXISTS`. */
  readonly reason: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** The fields that are at fault, by their path in the contract. */
  readonly fields: readonly string[];
  /** True when it says when to come back. */
  readonly retry: boolean;
}

/** How a call went: its messages as protobuf JSON, one of a unary RPC. */
export type Answer = { readonly messages: readonly JsonValue[] } | { readonly refused: Refusal };

/** One way into the service, used as its users do. */
export interface Protocol {
  /** Calls an RPC with a request in protobuf JSON. An empty token sends none. */
  ask(method: DescMethod, request: JsonObject, token: string): Promise<Answer>;
  close(): Promise<void>;
}

/** A message as every protocol can be compared: protobuf JSON, with the fields that are empty. */
export function canonical(schema: DescMessage, json: JsonValue): JsonValue {
  const registry = errorDetailRegistry;
  return toJson(schema, fromJson(schema, json, { registry }), { alwaysEmitImplicit: true, registry });
}
