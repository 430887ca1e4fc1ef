import type { Server } from "@grpc/grpc-js";
import { http2ServerOf } from "./call-head.ts";

/**
 * Limits the headers of calls. Every connection is told the limit, by which clients such as grpc-go refuse to send more; Node
 * itself resets a call with more (ENHANCE_YOUR_CALM), which is RESOURCE_EXHAUSTED for its client, and costs other calls nothing.
 */
export function limitHeaders(server: Server, maxHeaderBytes: number): void {
  http2ServerOf(server).on("session", (session) => session.settings({ maxHeaderListSize: maxHeaderBytes }));
}
