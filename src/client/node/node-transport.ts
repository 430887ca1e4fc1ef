import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import type { OpenTransport } from "../connectory-client.ts";
import { openSession } from "./http2-session.ts";

/** The maximum size of a response message, in bytes; larger than any response of this contract. */
const readMaxBytes = 64 * 1024 * 1024;

/**
 * Returns a transport: gRPC (default) over one HTTP/2 connection; Connect and gRPC-Web over HTTP/1.1, which proxies support
 * too. Throws TypeError for another name.
 */
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
