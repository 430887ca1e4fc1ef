import {
  create,
  type DescMessage,
  type DescMethodUnary,
  type DescService,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { type Client, createClient, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import {
  credentials,
  type Client as GrpcClient,
  Metadata,
  makeGenericClientConstructor,
  type ServiceError,
} from "@grpc/grpc-js";
import { retryRefusedForLoad } from "./retry-refused-for-load.ts";

/** Puts an `authorization` header on every call, when there is anything to put. */
function withAuthorization(value: string): Interceptor {
  return (next) => (request) => {
    if (value !== "") request.header.set("authorization", value);
    return next(request);
  };
}

/** Connect's own clients, by protocol, with a bearer token unless `authorization` says otherwise. */
export function connectClients<S extends DescService>(
  service: S,
  at: { grpcAddress: string; httpUrl: string },
  token: string,
  authorization = `Bearer ${token}`,
): Record<"connect-json" | "connect-binary" | "grpc-web" | "grpc", Client<S>> {
  const interceptors = [withAuthorization(authorization), retryRefusedForLoad];
  const http = { baseUrl: at.httpUrl, httpVersion: "1.1", interceptors } as const;
  return {
    "connect-json": createClient(service, createConnectTransport({ ...http, useBinaryFormat: false })),
    "connect-binary": createClient(service, createConnectTransport({ ...http, useBinaryFormat: true })),
    "grpc-web": createClient(service, createGrpcWebTransport(http)),
    grpc: createClient(service, createGrpcTransport({ baseUrl: `http://${at.grpcAddress}`, interceptors })),
  };
}

/** A client of grpc-js, which knows nothing of Connect. Close it after use. */
export function grpcJsClient<S extends DescService>(
  service: S,
  address: string,
  options: object = {},
  channel = credentials.createInsecure(),
) {
  const definition = Object.fromEntries(
    service.methods.map((method) => [
      method.name,
      {
        path: `/${service.typeName}/${method.name}`,
        requestStream: false,
        responseStream: false,
        requestSerialize: (value: Buffer) => value,
        requestDeserialize: (bytes: Buffer) => bytes,
        responseSerialize: (value: Buffer) => value,
        responseDeserialize: (bytes: Buffer) => bytes,
      },
    ]),
  );
  const client: GrpcClient = new (makeGenericClientConstructor(definition, service.typeName))(
    address,
    channel,
    options,
  );
  const calls = {
    close: () => client.close(),
    /** Sends bytes as they are; resolves with the answer's bytes. */
    callBytes: (name: string, bytes: Uint8Array, headers: Record<string, string>, callOptions: object = {}) => {
      const metadata = new Metadata();
      for (const [key, value] of Object.entries(headers)) metadata.set(key, value);
      let cancel = () => {};
      const answer = new Promise<Buffer>((resolve, reject) => {
        const identity = (value: Buffer) => value;
        const path = `/${service.typeName}/${name}`;
        const call = client.makeUnaryRequest(
          path,
          identity,
          identity,
          Buffer.from(bytes),
          metadata,
          callOptions,
          (error: ServiceError | null, value?: Buffer) =>
            error === null && value !== undefined ? resolve(value) : reject(error),
        );
        cancel = () => call.cancel();
      });
      return { answer, cancel: () => cancel() };
    },
    /** One call with messages instead of bytes. */
    call: async <M extends DescMethodUnary>(
      method: M,
      message: MessageInitShape<M["input"]>,
      headers: Record<string, string>,
    ): Promise<MessageShape<M["output"]>> => {
      const bytes = toBinary<DescMessage>(method.input, create<DescMessage>(method.input, message));
      return fromBinary(method.output as M["output"], await calls.callBytes(method.name, bytes, headers).answer);
    },
  };
  return calls;
}
