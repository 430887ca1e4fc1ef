import { readFile } from "node:fs/promises";
import {
  createFileRegistry,
  type DescMethod,
  type DescService,
  type FileRegistry,
  fromBinary,
} from "@bufbuild/protobuf";
import { type Any, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

/** A header or trailer of the suite's messages. */
export interface Header {
  readonly name: string;
  readonly value: readonly string[];
}

interface ResponseError {
  readonly code: number;
  readonly message?: string;
  readonly details: readonly Any[];
}

/** What the suite wants to be answered to a unary call. */
export interface UnaryRequest {
  readonly responseDefinition?: {
    readonly responseHeaders: readonly Header[];
    readonly responseTrailers: readonly Header[];
    readonly responseDelayMs: number;
    readonly response:
      | { readonly case: "responseData"; readonly value: Uint8Array }
      | { readonly case: "error"; readonly value: ResponseError }
      | { readonly case: undefined };
  };
}

/** What the suite wants to be answered to a call for a stream. */
export interface ServerStreamRequest {
  readonly responseDefinition?: {
    readonly responseHeaders: readonly Header[];
    readonly responseTrailers: readonly Header[];
    readonly responseDelayMs: number;
    readonly responseData: readonly Uint8Array[];
    readonly error?: ResponseError;
  };
}

/** Which server the suite asks for. */
export interface ServerRequest {
  /** 1 for HTTP/1.1, 2 for HTTP/2. */
  readonly httpVersion: number;
  readonly clientTlsCert: Uint8Array;
  readonly messageReceiveLimit: number;
  readonly serverCreds?: { readonly cert: Uint8Array; readonly key: Uint8Array };
}

const prefix = "connectrpc.conformance.v1.";

/** The suite's messages and its service, from the descriptor set that buf made of the Go module's files. */
export interface ConformanceSchema {
  readonly registry: FileRegistry;
  readonly service: DescService;
  message(name: string): NonNullable<ReturnType<FileRegistry["getMessage"]>>;
  method(name: string): DescMethod;
}

export async function readConformanceSchema(file: string): Promise<ConformanceSchema> {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, await readFile(file)));
  const service = registry.getService(`${prefix}ConformanceService`);
  if (service === undefined) throw new Error(`${file} does not hold the conformance service`);
  return {
    registry,
    service,
    message: (name) => found(registry.getMessage(`${prefix}${name}`), name),
    method: (name) =>
      found(
        service.methods.find((method) => method.name === name),
        name,
      ),
  };
}

function found<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Error(`the suite has no ${name}`);
  return value;
}
