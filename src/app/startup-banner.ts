import type { App } from "./app.ts";
import type { Config } from "./config.ts";

/** Returns the start-up banner: the addresses, the warnings and, with the local issuer, two example calls with a token. */
export async function startupBanner(config: Config, app: App, warnings: readonly string[]): Promise<string> {
  const grpc = `${bracket(config.grpcAddress.host)}:${app.grpcPort}`;
  const http = `${config.tls === undefined ? "http" : "https"}://${bracket(config.httpAddress.host)}:${app.httpPort}`;
  const lines = [
    "Connectory is running.",
    `  gRPC                   ${grpc}`,
    `  Connect and gRPC-Web   ${http}`,
    `  REST                   ${http}/v1, described under ${http}/docs`,
    `  MCP                    ${http}/mcp`,
    `  database               ${config.databaseUrl === undefined ? `embedded, in ${config.dataDir}` : "external"}`,
    `  Kafka                  ${config.kafka?.brokers.join(",") ?? "not set: events wait in the log"}`,
    ...warnings.map((warning) => `  warning                ${warning}`),
  ];
  if (app.localIssuer === undefined) return `${lines.join("\n")}\n`;
  const token = await app.localIssuer.issue({
    userId: "alice",
    organizationId: "acme",
    roles: ["admin"],
    lifetime: "12h",
  });
  return `${[...lines, "", ...exampleCalls(config, token, grpc, http)].join("\n")}\n`;
}

function exampleCalls(config: Config, token: string, grpc: string, http: string): string[] {
  const [plaintext, insecure] = tlsFlags(config);
  return [
    "A token for 12 hours (user alice, organization acme):",
    "",
    `export TOKEN=${token}`,
    "",
    "Connect two users, with grpcurl:",
    "",
    `grpcurl ${plaintext} -H "authorization: Bearer $TOKEN" -d '{"user_id_1":"alice","user_id_2":"bob"}' ${grpc} connectory.v1.ConnectionService/CreateConnection`,
    "",
    "Keep a connection profile, with curl:",
    "",
    `curl -sS${insecure} -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' -d '{"name":"my-kafka-cluster","connector":"kafka","config":{"bootstrap_servers":"broker1:9092,broker2:9092"}}' ${http}/v1/connection_profiles`,
    "",
    "Another token: npm run token -- --user USER --org ORGANIZATION [--role viewer|editor|member|admin]",
  ];
}

/** Returns further options of grpcurl and curl for TLS. The client certificate is a placeholder. */
function tlsFlags({ tls }: Config): [grpcurl: string, curl: string] {
  if (tls === undefined) return ["-plaintext", ""];
  if (tls.clientCaFile === undefined) return ["-insecure", " --insecure"];
  return ["-insecure -cert client.pem -key client-key.pem", " --insecure --cert client.pem --key client-key.pem"];
}

function bracket(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
