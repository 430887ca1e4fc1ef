import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { errorDetailRegistry } from "../../../src/server/dispatch/error-detail-registry.ts";
import { connectProtocol } from "./connect-protocol.ts";
import { mcpProtocol } from "./mcp-protocol.ts";
import type { Protocol } from "./protocol.ts";
import { restProtocol } from "./rest-protocol.ts";

export const protocolNames = ["grpc", "connect-json", "connect-binary", "grpc-web", "rest", "mcp"] as const;

export type ProtocolName = (typeof protocolNames)[number];

/** Every way into a running service. */
export function openProtocols({
  grpcAddress,
  httpUrl,
}: {
  grpcAddress: string;
  httpUrl: string;
}): Record<ProtocolName, Protocol> {
  const http = { baseUrl: httpUrl, httpVersion: "1.1" } as const;
  return {
    grpc: connectProtocol(createGrpcTransport({ baseUrl: `http://${grpcAddress}` })),
    "connect-json": connectProtocol(
      createConnectTransport({ ...http, useBinaryFormat: false, jsonOptions: { registry: errorDetailRegistry } }),
    ),
    "connect-binary": connectProtocol(createConnectTransport({ ...http, useBinaryFormat: true })),
    "grpc-web": connectProtocol(createGrpcWebTransport(http)),
    rest: restProtocol(httpUrl),
    mcp: mcpProtocol(httpUrl),
  };
}
