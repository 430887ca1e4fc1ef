import type { DescMethod, JsonValue } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as Idempotency } from "@bufbuild/protobuf/wkt";
import { RestStyle } from "../../gen/connectory/options/v1/rest_pb.js";
import { ErrorReason, ErrorReasonSchema } from "../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../../src/errors/api-error.ts";
import { codeOfReason } from "../../src/errors/reason-codes.ts";
import { toConnectError } from "../../src/interceptors/map-errors.ts";
import { descriptionOf } from "../../src/proto-schema/comments/description-of.ts";
import { httpErrorCodes } from "../../src/proto-schema/http/problem-detail.ts";
import { etagOf, type RestMapping } from "../../src/proto-schema/http/rest-mapping.ts";
import type { JsonSchema } from "../../src/proto-schema/json-schema/keywords.ts";
import { type Problem, toProblemDetails } from "../../src/server/problem-details/problem-details.ts";
import type { DocumentSchemas } from "./create-schemas.ts";
import type { Example, Reference, Response } from "./open-api-document.ts";
import { problemSchema } from "./problem-schema.ts";

/** What can go wrong with the RPCs of a document. */
export interface DocumentProblems {
  /** The answers of an RPC that has failed, by HTTP status. */
  of(method: DescMethod, form: RestMapping): Record<string, Reference>;
  /** Those answers, by the names that the references have. */
  responses(): Record<string, Response>;
}

/** An error reason as its comment tells of it. */
interface Told {
  readonly name: string;
  readonly code: string;
  readonly words: string;
  readonly example: string;
}

const requestId = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3";
const reasons = ErrorReasonSchema.values.filter(({ number }) => number !== ErrorReason.UNSPECIFIED);

/** Describes every error by an example that is made as the answer itself would be. Throws when a reason has no status code yet. */
export function describeProblems(schemas: DocumentSchemas): DocumentProblems {
  const codeless = reasons.filter(({ number }) => !(number in codeOfReason)).map(({ localName }) => localName);
  if (codeless.length > 0)
    throw new Error(
      `${codeless.join(", ")} has no status code. Add it to codeOfReason in src/interceptors/map-errors.ts, then run npm run generate again.`,
    );
  const responses = new Map<string, Response>();
  const styles = new Map<string, Record<string, string>>();
  const used = new Set<string>();
  const reason = schemas.keep("ErrorReason", reasonSchema());

  /** The names of a style's responses by HTTP status; examples are those of the first RPC that asks. */
  const respond = (method: DescMethod, form: RestMapping): Record<string, string> => {
    const style = RestStyle[form.style] ?? "";
    const prefix = `${style.charAt(0)}${style.slice(1).toLowerCase()}Problem`;
    const known = styles.get(prefix);
    if (known !== undefined) return known;
    const schema = problemSchema(form.style, form.names, reason, schemas);
    const names: Record<string, string> = {};
    const add = (status: string, name: string, description: string, examples?: Record<string, Example>) => {
      const content = { "application/problem+json": { schema, ...(examples === undefined ? {} : { examples }) } };
      responses.set(name, { description, headers: headersOf(status), content });
      names[status] = name;
    };
    for (const [status, examples] of problemsByStatus(method, form)) {
      const lines = Object.values(examples).map(({ summary }) => `- ${summary}`);
      add(status, `${prefix}${status}`, lines.join("\n"), examples);
    }
    add("default", prefix, "Any other error.");
    styles.set(prefix, names);
    return names;
  };

  return {
    of: (method, form) => {
      const isRead = method.idempotency === Idempotency.NO_SIDE_EFFECTS;
      const answersTag = isRead && form.shape === "resource" && etagOf(form.resource?.message) !== undefined;
      const takesTag = etagOf(method.input) !== undefined || answersTag;
      const refs: Record<string, Reference> = {};
      for (const [status, name] of Object.entries(respond(method, form))) {
        if ((status === "412" && !takesTag) || (["409", "422"].includes(status) && isRead)) continue;
        refs[status] = { $ref: `#/components/responses/${name}` };
        used.add(name);
      }
      return refs;
    },
    responses: () =>
      Object.fromEntries([...responses].filter(([name]) => used.has(name)).sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

/** What each reason answers, by HTTP status; nobody is there to see what a caller who has left is answered. */
function problemsByStatus(method: DescMethod, form: RestMapping): [string, Record<string, Example>][] {
  const byStatus = new Map<string, Record<string, Example>>();
  for (const value of reasons) {
    const told = tell(descriptionOf(value), value.localName);
    for (const conditional of told.code === "ABORTED" ? [false, true] : [false]) {
      const problem = exampleProblem(value.number, told, { method, form, conditional });
      if (problem.status === 499) continue;
      const examples = byStatus.get(String(problem.status)) ?? {};
      const body = { ...problem.body, ...("date" in problem.body ? { date: "2026-01-31T12:00:00.000Z" } : {}) };
      examples[told.name] = { summary: `\`${told.name}\`: ${told.words}`, value: body as unknown as JsonValue };
      byStatus.set(String(problem.status), examples);
    }
  }
  return [...byStatus].sort(([a], [b]) => Number(a) - Number(b));
}

function exampleProblem(
  reason: ErrorReason,
  { words, example }: Told,
  { method, form, conditional }: { method: DescMethod; form: RestMapping; conditional: boolean },
): Problem {
  const names = [...words.matchAll(/`metadata\.(\w+)`/g)].map(([, name = ""]) => [name, name]);
  const [, field, description] = /^`([^`]+)` (.*?)\.?$/.exec(words.includes("field_violations") ? example : "") ?? [];
  const failure = new ApiError(reason, field === undefined ? words : `${field}: ${description}`, {
    ...(names.length === 0 ? {} : { metadata: Object.fromEntries(names) as Record<string, string> }),
    ...(words.includes("`RetryInfo`") ? { retryAfterMs: 1000 } : {}),
    ...(field === undefined || description === undefined ? {} : { fieldViolations: [{ field, description }] }),
  });
  const target = { name: method.localName, form, input: method.input };
  return toProblemDetails(toConnectError(failure, requestId), { requestId, target, wrapped: false, conditional });
}

/** `NOT_FOUND. The organization has no such profile. Example: it was deleted.` in its parts. */
function tell(comment: string, name: string): Told {
  const [, code = "", words = "", example = ""] = /^([A-Z_]+)\. (.*?)(?: Example: (.*))?$/s.exec(comment) ?? [];
  return { name, code, words, example };
}

function reasonSchema(): JsonSchema {
  const told = reasons.map((value) => tell(descriptionOf(value), value.localName));
  const lines = told.map(({ name, code, words, example }) => `- \`${name}\` (${code}): ${words} Example: ${example}`);
  const refusals = Object.entries(httpErrorCodes).map(([name, { status }]) => `- \`${name}\` (HTTP ${status})`);
  const description = ["Why a call failed, as a stable name for programs.", [...lines, ...refusals].join("\n")];
  return {
    type: "string",
    enum: [...told.map(({ name }) => name), ...Object.keys(httpErrorCodes)],
    description: description.join("\n\n"),
  };
}

function headersOf(status: string): Record<string, Reference> {
  const names = ["X-Request-Id"];
  if (status === "401") names.push("WWW-Authenticate");
  if (status === "429" || status === "503") names.push("Retry-After");
  const components: Record<string, string> = {
    "X-Request-Id": "RequestId",
    "WWW-Authenticate": "Challenge",
    "Retry-After": "RetryAfter",
  };
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${components[name]}` }]));
}
