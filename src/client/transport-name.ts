/** How calls travel. The server's HTTP port takes all three, `grpc` over HTTP/2; its gRPC port takes `grpc` alone, and faster. */
export type TransportName = "grpc" | "connect" | "grpc-web";
