import { ConnectionService } from "../../gen/connectory/v1/connection_service_pb.js";
import type { CallProtocol } from "../../src/interceptors/call/call-origin.ts";
import { postRpc, toolCall } from "../server/mcp/post-rpc.ts";
import { connectClients, grpcJsClient } from "../support/clients.ts";

/** A running service, in this process or in one of its own. */
export interface Service {
  readonly grpcAddress: string;
  readonly httpUrl: string;
}

type Headers = Record<string, string>;
type Pair = { readonly userId1: string; readonly userId2: string };

/** How CreateConnection is called by a protocol. Whatever the answer, the promise is fulfilled once it is there. */
export interface Way {
  readonly protocol: CallProtocol;
  /** What OpenTelemetry calls its protocol. */
  readonly system: string;
  create(at: Service, pair: Pair, headers: Headers): Promise<unknown>;
  /** The same call with bytes that no decoder takes. */
  garble(at: Service, headers: Headers): Promise<unknown>;
}

const path = "/connectory.v1.ConnectionService/CreateConnection";

function post(
  url: string,
  contentType: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Headers,
): Promise<Response> {
  return fetch(url, { method: "POST", headers: { "content-type": contentType, ...headers }, body });
}

/** An error is an answer as well. */
async function whatever(call: Promise<unknown>): Promise<unknown> {
  return call.catch((error: unknown) => error);
}

function byClient(protocol: "connect-json" | "connect-binary" | "grpc-web" | "grpc"): Way["create"] {
  return (at, pair, headers) =>
    whatever(connectClients(ConnectionService, at, "", "")[protocol].createConnection(pair, { headers }));
}

/** Every way in. A new protocol is a new entry. */
export const ways: readonly Way[] = [
  {
    protocol: "grpc",
    system: "grpc",
    create: byClient("grpc"),
    garble: async ({ grpcAddress }, headers) => {
      const client = grpcJsClient(ConnectionService, grpcAddress);
      const { answer } = client.callBytes("CreateConnection", Buffer.from([0x0a, 0xff]), headers);
      await whatever(answer);
      client.close();
    },
  },
  {
    protocol: "connect",
    system: "connectrpc",
    create: byClient("connect-json"),
    garble: ({ httpUrl }, headers) => post(`${httpUrl}${path}`, "application/json", '{"userId1":', headers),
  },
  {
    protocol: "connect",
    system: "connectrpc",
    create: byClient("connect-binary"),
    garble: ({ httpUrl }, headers) =>
      post(`${httpUrl}${path}`, "application/proto", new Uint8Array([0x0a, 0xff]), headers),
  },
  {
    protocol: "grpc-web",
    system: "grpc",
    create: byClient("grpc-web"),
    garble: ({ httpUrl }, headers) =>
      post(`${httpUrl}${path}`, "application/grpc-web+proto", new Uint8Array([0, 0, 0, 0, 2, 0x0a, 0xff]), headers),
  },
  {
    protocol: "rest",
    system: "rest",
    create: ({ httpUrl }, pair, headers) =>
      post(`${httpUrl}/v1/connections`, "application/json", JSON.stringify(pair), headers),
    garble: ({ httpUrl }, headers) => post(`${httpUrl}/v1/connections`, "application/json", '{"userId1":', headers),
  },
  {
    protocol: "mcp",
    system: "jsonrpc",
    create: ({ httpUrl }, pair, headers) => postRpc(httpUrl, toolCall("createConnection", { ...pair }), { headers }),
    garble: ({ httpUrl }, headers) => postRpc(httpUrl, toolCall("createConnection", { userId1: {} }), { headers }),
  },
];
