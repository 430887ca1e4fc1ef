import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { FastifyInstance } from "fastify";
import { ConnectionProfileSchema } from "../../../../gen/connectory/v1/connection_profile_pb.js";
import { ConnectorSchema } from "../../../../gen/connectory/v1/connector_pb.js";
import type { RestMapping } from "../../../proto-schema/http/rest-mapping.ts";
import { isJsonObject } from "../../../proto-schema/json-object.ts";
import { notAllowed } from "../request/path-router.ts";
import { toFormConnector } from "./form-connector.ts";
import { toFormProfile } from "./form-profile.ts";

/** The responses of what the form asks for and this service does not have, in the shapes of its platform. */
const emptyResponses: Readonly<Record<string, JsonValue>> = {
  ping: "Pong",
  connection_tables: { data: [], hasMore: false },
  jobs: { data: [] },
  pipelines: { data: [], hasMore: false },
  udfs: { data: [] },
};

/**
 * Serves the requests below `/api`, outside the contract, of a web form for profiles. The form is that of Arroyo's console
 * (webui/src/lib/data_fetching.ts and routes/connections, members as in crates/arroyo-rpc/src/api_types): it pings, and lists
 * connection tables, jobs, pipelines and functions, of which there are none.
 */
export function arroyoWebForm(scope: FastifyInstance): void {
  for (const [name, response] of Object.entries(emptyResponses))
    scope.all(`/api/v1/${name}`, async (request, reply) => {
      if (request.method !== "GET" && request.method !== "HEAD") throw notAllowed(["GET"]);
      return reply.header("content-type", "application/json; charset=utf-8").send(JSON.stringify(response));
    });
}

/** Converts the body of a success to what the form reads: connectors and profiles have further members, connectors are by name. */
export function toFormBody({ resource, shape }: RestMapping, body: JsonObject): JsonObject {
  const toForm = converterOf(resource);
  if (toForm === undefined) return body;
  if (shape !== "list" || !Array.isArray(body.data)) return toForm(body);
  const data = body.data.filter(isJsonObject).map(toForm);
  if (toForm === toFormConnector) data.sort((a, b) => (String(a.name) < String(b.name) ? -1 : 1));
  return { ...body, data, hasMore: body.has_more ?? false };
}

function converterOf(resource: RestMapping["resource"]): ((json: JsonObject) => JsonObject) | undefined {
  if (resource?.message === ConnectorSchema) return toFormConnector;
  return resource?.message === ConnectionProfileSchema ? toFormProfile : undefined;
}
