import type { DescMessage, JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { FastifyInstance } from "fastify";
import { ConnectorSchema } from "../../../gen/connectory/v1/connector_pb.js";
import type { RestMapping } from "../../proto-schema/http/rest-mapping.ts";
import { isJsonObject } from "../../proto-schema/json-object.ts";
import { notAllowed } from "./request/path-router.ts";

/**
 * Serves the requests below `/api`, outside the contract, of a web form for profiles. The form is that of Arroyo's console
 * (webui/src/lib/data_fetching.ts and routes/connections, members as in crates/arroyo-rpc/src/api_types/connections.rs): it
 * pings, lists connection tables, of which the response has none, and reads additional members of a connector.
 */
export function arroyoWebForm(scope: FastifyInstance): void {
  const answers = { ping: "Pong", connection_tables: { data: [], has_more: false } };
  for (const [name, answer] of Object.entries(answers))
    scope.all(`/api/v1/${name}`, async (request, reply) => {
      if (request.method !== "GET" && request.method !== "HEAD") throw notAllowed(["GET"]);
      return reply.header("content-type", "application/json; charset=utf-8").send(JSON.stringify(answer));
    });
}

/** The icon of every connector, an SVG. */
const icon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path fill="none" stroke="white" stroke-width="2" d="M4 12h6m4 0h6M10 8v8m4-8v8"/></svg>';

/** Adds the members that the form reads to every connector of a response. */
export function addFormMembers({ resource, shape }: RestMapping, body: JsonObject): JsonObject {
  if (messageOf(resource) !== ConnectorSchema) return body;
  if (shape === "list" && Array.isArray(body.data)) return { ...body, data: body.data.map(withMembers) };
  return withMembers(body) as JsonObject;
}

function messageOf(field: RestMapping["resource"]): DescMessage | undefined {
  return field?.message;
}

function withMembers(connector: JsonValue): JsonValue {
  if (!isJsonObject(connector)) return connector;
  const { testable = false, connection_config: config } = connector;
  return {
    ...connector,
    enabled: true,
    hidden: false,
    testing: testable,
    icon,
    table_config: "{}",
    custom_schemas: false,
    connection_config: config === "" ? null : (config ?? null),
  };
}
