import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type DecodedSpan, decodeMetricNames, decodeSpans } from "./decode-otlp.ts";

/** A collector that keeps what it is sent, over OTLP/HTTP in protobuf or JSON. */
export interface OtlpCollector {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly url: string;
  readonly spans: readonly DecodedSpan[];
  readonly metrics: ReadonlySet<string>;
  /** Every byte that came, headers included, for whoever looks for what must not be there. */
  readonly received: readonly Buffer[];
  /** How it answers: as it should, with an error, or not at all. */
  behave(how: "well" | "fail" | "hang"): void;
  stop(): Promise<void>;
}

export async function startCollector(): Promise<OtlpCollector> {
  const spans: DecodedSpan[] = [];
  const metrics = new Set<string>();
  const received: Buffer[] = [];
  let how = "well";
  const server: Server = createServer(async (request, response) => {
    const chunks: Buffer[] = await Array.fromAsync(request);
    const body = Buffer.concat(chunks);
    received.push(Buffer.from(JSON.stringify(request.headers)), body);
    if (how === "hang") return;
    if (how === "fail") return void response.writeHead(503).end("the collector is away");
    const contentType = request.headers["content-type"] ?? "";
    if (request.url === "/v1/traces") spans.push(...decodeSpans(body, contentType));
    else if (request.url === "/v1/metrics") for (const name of decodeMetricNames(body, contentType)) metrics.add(name);
    else return void response.writeHead(404).end();
    response.writeHead(200, { "content-type": contentType }).end(contentType === "application/json" ? "{}" : "");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    metrics,
    received,
    behave: (next) => {
      how = next;
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
