import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { ConnectionProfileService } from "../../../../gen/connectory/v1/connection_profile_service_pb.js";
import { isJsonObject } from "../../../proto-schema/json-object.ts";
import type { RestTarget } from "../request/rest-call.ts";

/** The number of resources that are suggested: one page of a discovery, so one dial of the system. */
const maxSuggestions = "1000";

const { discoverConnectionProfile } = ConnectionProfileService.method;
const path = "/v1/connection_profiles/{id}/autocomplete";

/** Returns the target of the form's path for suggestions, a discovery under another name; empty when no route has it. */
export function autocompleteTargets(targets: readonly { readonly target: RestTarget }[]) {
  return targets
    .map(({ target }) => target)
    .filter(({ route }) => route.method === discoverConnectionProfile)
    .slice(0, 1)
    .map((target) => {
      const rule = { verb: "GET" as const, path, body: "", variables: ["id"] };
      const fixed = [{ field: "page_size", value: maxSuggestions }];
      return { rule, target: { ...target, rule, fixed, reshape: toSuggestions } };
    });
}

/** The suggestions for a connector that cannot list what lies in its system. */
export const noSuggestions: JsonObject = { values: {} };

/** Returns the names of discovered resources by what they are: `{"values": {"topic": ["orders"]}}`. */
function toSuggestions({ data }: JsonObject): JsonObject {
  const values: Record<string, JsonValue[]> = {};
  for (const resource of Array.isArray(data) ? data : []) {
    if (!isJsonObject(resource)) continue;
    const kind = String(resource.kind);
    values[kind] ??= [];
    values[kind].push(resource.name ?? "");
  }
  return { values };
}
