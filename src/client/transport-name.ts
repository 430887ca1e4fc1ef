/**
 * The protocol of calls. The server's HTTP port serves all three, `grpc` over HTTP/2; its gRPC port serves only `grpc`, and
 * faster.
 */
export type TransportName = "grpc" | "connect" | "grpc-web";
