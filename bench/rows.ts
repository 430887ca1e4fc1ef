import type { Database } from "./database.ts";
import { drivenRow } from "./driven-row.ts";
import type { Group } from "./groups.ts";
import type { Load } from "./load/start-load.ts";
import type { HttpProtocol, Target } from "./load/target.ts";
import type { Script } from "./pgbench/run-pgbench.ts";
import { runPgbench } from "./pgbench/run-pgbench.ts";
import type { Row } from "./row.ts";
import type { Servers } from "./start-servers.ts";

const protocols: Readonly<Record<HttpProtocol, string>> = { connect: "Connect", rest: "REST", mcp: "MCP" };

/** The row of its group that the others are compared with. */
export const product = "Connectory";

/** The rows of connections, in the order in which a round measures them: what is compared stands next to each other. */
export function listConnectionRows(servers: Servers, load: Load, ids: readonly string[]): Row[] {
  const { connectory, textbook, echo, pgbench } = servers;
  const driven = (row: Omit<Row, "slice">, target: Omit<Target, "callers" | "ids">) =>
    drivenRow(load, row, { ...target, ids });
  const into = (database: Database): Pick<Row, "writes"> => ({ writes: { database, kind: "connection" } });
  const writes = (method: Target["method"]) => (method === "CreateConnection" ? into(connectory.database) : {});
  const byConnectory = (group: Group, callers: number, method: Target["method"]): Row =>
    driven(
      { group, call: `${method}, gRPC`, by: product, callers, ...writes(method) },
      { protocol: "grpc", port: connectory.grpcPort, method, token: connectory.token },
    );
  const byPgbench = (group: Group, callers: number, script: Script, bar?: number): Row => {
    const clients = Math.min(callers, pgbench.maxClients);
    const fewer = clients < callers ? ` (max_connections allows ${clients})` : "";
    return {
      group,
      call: "the same inserts",
      by: `pgbench, ${script}${fewer}`,
      callers,
      ...into(pgbench.database),
      ...(bar === undefined ? {} : { bar }),
      slice: (window) => runPgbench(pgbench.database, script, clients, window),
    };
  };
  const creates = (group: Group, callers: number): Row[] => [
    byConnectory(group, callers, "CreateConnection"),
    byPgbench(group, callers, "same-rows", 0.7),
    byPgbench(group, callers, "same-statement"),
    driven(
      { group, call: "CreateConnection, gRPC", by: "textbook", callers, bar: 5, ...into(textbook.database) },
      { protocol: "grpc", port: textbook.port, method: "CreateConnection", token: textbook.token },
    ),
  ];
  const overHttp = (group: Group, protocol: HttpProtocol, method: Target["method"], bar?: number): Row => {
    const row = { group, call: `${method}, ${protocols[protocol]}`, callers: 64, ...writes(method) };
    const by = bar === undefined ? { by: product } : { by: `${product}, without translation`, bar };
    return driven({ ...row, ...by }, { protocol, port: connectory.httpPort, method, token: connectory.token });
  };
  return [
    byConnectory("create-1", 1, "CreateConnection"),
    ...creates("create-64", 64),
    ...creates("create-256", 256),
    byConnectory("get-64", 64, "GetConnection"),
    driven(
      { group: "get-64", call: "echo, gRPC", by: "bare grpc-js", callers: 64, bar: 0.4 },
      { protocol: "grpc", port: echo.port, method: "GetConnection" },
    ),
    overHttp("http-64", "connect", "GetConnection"),
    overHttp("http-64", "connect", "CreateConnection"),
    // What a protocol costs that translates each call: held against the one beside it that does not.
    overHttp("rest-64", "rest", "GetConnection"),
    overHttp("rest-64", "connect", "GetConnection", 0.5),
    overHttp("rest-64", "rest", "CreateConnection"),
    overHttp("mcp-64", "mcp", "GetConnection"),
    overHttp("mcp-64", "connect", "GetConnection", 0.25),
  ];
}
