import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import type { OpenTransport } from "../connectory-client.ts";

/** Returns a transport of Connect (default) or gRPC-Web over fetch. Throws TypeError for `tls`, and for `grpc`. */
export const openBrowserTransport: OpenTransport = ({ transport = "connect", tls }, common) => {
  if (tls !== undefined)
    throw new TypeError("tls has no effect in a browser: certificates are the browser's own business");
  switch (transport) {
    case "connect":
      return createConnectTransport({ ...common, useBinaryFormat: true });
    case "grpc-web":
      return createGrpcWebTransport(common);
    case "grpc":
      throw new TypeError('a browser cannot speak gRPC: use transport "connect" or "grpc-web" with the HTTP port');
    default:
      throw new TypeError(`there is no transport "${transport satisfies never}": it is "connect" or "grpc-web"`);
  }
};
