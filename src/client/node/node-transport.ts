import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import type { OpenTransport } from "../connectory-client.ts";
import { openSession } from "./http2-session.ts";

/** More than any server of this contract answers with. */
const readMaxBytes = 64 * 1024 * 1024;

/** gRPC over one HTTP/2 connection; Connect and gRPC-Web over HTTP/1.1, which proxies take too. */
export const openNodeTransport: OpenTransport = ({ transport = "grpc", tls = {} }, common) => {
  const http = { ...common, readMaxBytes, httpVersion: "1.1", nodeOptions: tls } as const;
  switch (transport) {
    case "grpc":
      return createGrpcTransport({ ...common, readMaxBytes, sessionManager: openSession(common.baseUrl, tls) });
    case "connect":
      return createConnectTransport({ ...http, useBinaryFormat: true });
    case "grpc-web":
      return createGrpcWebTransport(http);
    default:
      throw new TypeError(
        `there is no transport "${transport satisfies never}": it is "grpc", "connect" or "grpc-web"`,
      );
  }
};
