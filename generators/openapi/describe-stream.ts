import type { DescMethod } from "@bufbuild/protobuf";
import type { RestMapping } from "../../src/proto-schema/http/rest-mapping.ts";
import type { JsonSchema } from "../../src/proto-schema/json-schema/keywords.ts";
import type { SampleOf } from "./create-samples.ts";
import type { DocumentSchemas } from "./create-schemas.ts";
import type { MediaType } from "./open-api-document.ts";
import { problemSchema } from "./problem-schema.ts";

/** What a description of a stream says of its form. */
export const streamWords =
  "As server-sent events, each with the fields `event`, `id` and `data`. With `Accept: application/x-ndjson` each line is an object with those members, and silence is a `heartbeat`.";

/** The content of a stream: its events as server-sent events, and as lines of JSON, both with one schema. */
export function streamContent(
  { output }: DescMethod,
  { names, style }: RestMapping,
  schemas: DocumentSchemas,
  sampleOf: SampleOf,
): Record<string, MediaType> {
  const message = schemas.of(names, "output").refer(output);
  const problem = problemSchema(style, names, { $ref: "#/components/schemas/ErrorReason" }, schemas);
  const variants: Record<string, JsonSchema> = {
    message: schemas.keep(`${output.name}MessageEvent`, eventSchema("message", "A message of the stream.", message)),
    error: schemas.keep(
      `${output.name}ErrorEvent`,
      eventSchema("error", "The stream failed; nothing follows.", problem),
    ),
    done: schemas.keep(
      "DoneEvent",
      eventSchema("done", "The stream came to its end.", { type: "object", maxProperties: 0 }),
    ),
    heartbeat: schemas.keep("HeartbeatEvent", eventSchema("heartbeat", "There was silence. Only in lines of JSON.")),
  };
  const mapping = Object.entries(variants).map(([name, { $ref = "" }]) => [name, $ref] as const);
  const schema = schemas.keep(`${output.name}Event`, {
    description: "An event of the stream.",
    oneOf: Object.values(variants),
    discriminator: { propertyName: "event", mapping: Object.fromEntries(mapping) },
  });
  const data = JSON.stringify(sampleOf(message, "answer"));
  const event = { summary: "An event", value: `event: message\ndata: ${data}\n\n` };
  const line = { summary: "A line", value: `{"event":"message","data":${data}}\n` };
  return {
    "text/event-stream": { schema, examples: { event } },
    "application/x-ndjson": { schema, examples: { line } },
  };
}

function eventSchema(name: string, description: string, data?: JsonSchema): JsonSchema {
  const id: JsonSchema = { type: "string", description: "For `Last-Event-ID`." };
  return {
    type: "object",
    description,
    properties: {
      event: { type: "string", enum: [name] },
      ...(data === undefined ? {} : { id, data }),
    },
    required: ["event", ...(data === undefined ? [] : ["data"])],
  };
}
