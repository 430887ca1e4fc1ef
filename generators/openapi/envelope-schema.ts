import type { Envelope, Paging } from "../../src/proto-schema/http/rest-mapping.ts";
import type { JsonSchema, ObjectSchema } from "../../src/proto-schema/json-schema/keywords.ts";

const members: Record<keyof Envelope, JsonSchema> = {
  status: { type: "string", enum: ["OK"] },
  statusCode: { type: "string", description: "The HTTP status, as text.", examples: ["200"] },
  elapsedMs: { type: "integer", minimum: 0, description: "How long the call took, in milliseconds." },
  ssoTime: { type: "integer", minimum: 0, description: "How much of that authentication took, in milliseconds." },
  source: { type: "string", enum: ["db"], description: "Where the data came from." },
  userId: { type: "string", description: "The user of the token." },
  sessionId: { type: "string", description: "The token's `sid`, else its `jti`, else empty." },
  requestId: { type: "string", description: "The id of the call, which the server's log has too." },
  dataName: { type: "string", description: "The name of the member that holds the resource, or the list." },
  method: { type: "string", description: "The HTTP method.", examples: ["POST"] },
  action: {
    type: "string",
    description: "What the call does: `create`, `get`, `list`, `update`, `delete`, or the name of its RPC.",
    examples: ["create"],
  },
  appVersion: { type: "string", description: "The version of the server.", examples: ["0.1.0"] },
  rowCount: { type: "integer", minimum: 0, description: "How many resources the answer has." },
};

/** What stands around the resource in the answers of a service of the envelope style. */
export const envelopeSchema: ObjectSchema = {
  type: "object",
  description: "Tells of the call; the resource is beside it.",
  properties: members,
  required: Object.keys(members),
};

const paging: Record<keyof Paging, JsonSchema> = {
  pageRowCount: { type: "integer", minimum: 0, description: "How many resources this page has." },
  nextPageToken: { type: "string", description: "The token of the next page; empty on the last one." },
};

/** What stands beside a page of a list in the envelope. */
export const pagingSchema: ObjectSchema = { type: "object", properties: paging, required: Object.keys(paging) };
