import { descriptionOf } from "../../proto-schema/comments/description-of.ts";
import type { Route } from "../dispatch/route.ts";
import { toolsetOf } from "./create-tools.ts";

/**
 * Returns the description of the server, with the services of the toolsets (undefined: of all), that a client may give to its
 * model; each tool has its own description.
 */
export function mcpInstructions(routes: readonly Route[], toolsets: ReadonlySet<string> | undefined): string {
  const isOffered = ({ method }: Route) => toolsets === undefined || toolsets.has(toolsetOf(method) ?? "");
  const services = new Set(routes.filter(isOffered).map(({ method }) => method.parent));
  return [...[...services].map(descriptionOf), ...rules].join("\n");
}

const rules = [
  "What lies in another organization than that of the caller's token does not exist here.",
  "Secrets are write-only: they can be sent, and no answer has them.",
  "Before you send a configuration in `config`, call getConnector with the connector's id: `configSchema` in its answer has the fields.",
  "A tool error says what is wrong, in which field, and what to do. Change the arguments before you try again; only with retryAfterMs wait so long and send the same again.",
  "The answer of a test is a result also when the tested system cannot be used: `error` and the steps of the report say so.",
  "Lists come in pages: send the nextPageToken of an answer as pageToken, with the same other arguments, until it is empty.",
  "Descriptions name fields as `next_page_token`; in arguments and answers the same field is `nextPageToken`.",
];
