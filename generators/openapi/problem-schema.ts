import { RestStyle } from "../../gen/connectory/options/v1/rest_pb.js";
import { TestReportSchema } from "../../gen/connectory/v1/test_report_pb.js";
import type { EnvelopeProblem, FlatProblem, ProblemDetail } from "../../src/proto-schema/http/problem-detail.ts";
import type { RestNames } from "../../src/proto-schema/http/rest-mapping.ts";
import type { JsonSchema, ObjectSchema } from "../../src/proto-schema/json-schema/keywords.ts";
import type { DocumentSchemas } from "./create-schemas.ts";

const always: Record<Exclude<keyof ProblemDetail, "reason" | "report" | OptionalMember>, JsonSchema> = {
  type: { type: "string", description: "Names the kind of problem: `urn:connectory:error:` and the reason." },
  title: { type: "string", description: "The code in words." },
  status: { type: "integer", description: "The HTTP status." },
  detail: { type: "string", description: "What is wrong and what to do, for people." },
  instance: { type: "string", description: "This very problem: `urn:connectory:request:` and the request id." },
  code: { type: "string", description: "The gRPC status code, such as `ALREADY_EXISTS`." },
  requestId: { type: "string", description: "The id of the call, which the server's log has too." },
};

type OptionalMember = "violations" | "preconditions" | "metadata" | "retryAfterMs";
const text: JsonSchema = { type: "string" };
const sometimes: Record<OptionalMember, JsonSchema> = {
  violations: {
    type: "array",
    description: "The fields that are wrong, by their paths in the request.",
    items: { type: "object", properties: { field: text, description: text }, required: ["field", "description"] },
  },
  preconditions: {
    type: "array",
    description: "What must be done first, about what, under a stable name.",
    items: {
      type: "object",
      properties: { type: text, subject: text, description: text },
      required: ["type", "subject", "description"],
    },
  },
  metadata: { type: "object", additionalProperties: text, description: "Names and ids that the reason speaks of." },
  retryAfterMs: {
    type: "integer",
    minimum: 0,
    description: "When to come back, in milliseconds, as in `Retry-After`.",
  },
};

const envelope: Record<keyof EnvelopeProblem, JsonSchema> = {
  result: { type: "string", enum: ["ERR"] },
  message: { type: "string", description: "Such as `errMsg_userId1isRequired` or `errMsg_RecordNotFound`." },
  errCode: { type: "string", description: "Such as `LoginRequired`: the reason in PascalCase, but for the token." },
  date: { type: "string", format: "date-time" },
};

const flat: Record<keyof FlatProblem, JsonSchema> = {
  error: { type: "string", description: "The same as `detail`." },
};

/** The body of an error of a service of this style. */
export function problemSchema(
  style: RestStyle,
  names: RestNames,
  reason: JsonSchema,
  schemas: DocumentSchemas,
): JsonSchema {
  const report = { ...schemas.of(names, "output").refer(TestReportSchema), description: "What a live test found out." };
  const problem: ObjectSchema = {
    type: "object",
    description: "What went wrong (RFC 9457).",
    properties: { ...always, reason, ...sometimes, report },
    required: [...Object.keys(always), "reason"],
  };
  if (style === RestStyle.ENVELOPE) return schemas.keep("EnvelopeProblem", withMembers(problem, envelope));
  if (style === RestStyle.FLAT) return schemas.keep("FlatProblem", withMembers(problem, flat));
  return schemas.keep("Problem", problem);
}

function withMembers(
  { properties, required = [], ...problem }: ObjectSchema,
  more: Record<string, JsonSchema>,
): ObjectSchema {
  return { ...problem, properties: { ...properties, ...more }, required: [...required, ...Object.keys(more)] };
}
