import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { detailTypes } from "../../../src/transport/detail-types.ts";
import { connectDoor } from "./connect-door.ts";
import type { Door } from "./door.ts";
import { mcpDoor } from "./mcp-door.ts";
import { restDoor } from "./rest-door.ts";

export const doorNames = ["grpc", "connect-json", "connect-binary", "grpc-web", "rest", "mcp"] as const;

export type DoorName = (typeof doorNames)[number];

/** Every way into a running service. */
export function openDoors({ grpcAddress, httpUrl }: { grpcAddress: string; httpUrl: string }): Record<DoorName, Door> {
  const http = { baseUrl: httpUrl, httpVersion: "1.1" } as const;
  return {
    grpc: connectDoor(createGrpcTransport({ baseUrl: `http://${grpcAddress}` })),
    "connect-json": connectDoor(
      createConnectTransport({ ...http, useBinaryFormat: false, jsonOptions: { registry: detailTypes } }),
    ),
    "connect-binary": connectDoor(createConnectTransport({ ...http, useBinaryFormat: true })),
    "grpc-web": connectDoor(createGrpcWebTransport(http)),
    rest: restDoor(httpUrl),
    mcp: mcpDoor(httpUrl),
  };
}
