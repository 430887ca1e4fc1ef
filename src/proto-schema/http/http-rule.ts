import { type DescMethod, getOption, hasOption } from "@bufbuild/protobuf";
import { http } from "../../../gen/google/api/annotations_pb.js";
import type { HttpRule as Annotation } from "../../../gen/google/api/http_pb.js";

/** The HTTP methods that a rule can name. */
export type HttpVerb = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** One way to call an RPC over HTTP, as `google.api.http` says it. */
export interface HttpRule {
  readonly verb: HttpVerb;
  /** The template of the path, such as `/v1/connection_profiles/{id}:undelete`. */
  readonly path: string;
  /** What of the request the body holds: nothing when empty, everything that the path does not say when `*`, or a field. */
  readonly body: string;
  /** The paths of the request's fields that stand in the template, in its order. */
  readonly variables: readonly string[];
}

/** Every way to call an RPC over HTTP, the main one first; none when it has no `google.api.http`. */
export function httpRulesOf(method: DescMethod): HttpRule[] {
  if (!hasOption(method, http)) return [];
  const main = getOption(method, http);
  return [main, ...main.additionalBindings].map((annotation) => toRule(method, annotation));
}

function toRule(method: DescMethod, { pattern, body, responseBody }: Annotation): HttpRule {
  const name = `${method.parent.typeName}.${method.name}`;
  if (pattern.case === undefined || pattern.case === "custom")
    throw new Error(`${name}: google.api.http must be one of get, put, post, delete, patch`);
  if (responseBody !== "") throw new Error(`${name}: google.api.http.response_body cannot be served`);
  const path = pattern.value;
  // `{name=segments/*}` and `**` are not used here; a template that has one shall fail at the start, not at a call.
  if (!/^(\/([A-Za-z0-9_.-]+|\{[a-z0-9_.]+\}))+(:[A-Za-z]+)?$/.test(path))
    throw new Error(`${name}: the path ${path} cannot be served`);
  const variables = [...path.matchAll(/\{([^}]+)\}/g)].map(([, variable = ""]) => variable);
  return { verb: pattern.case.toUpperCase() as HttpVerb, path, body, variables };
}
