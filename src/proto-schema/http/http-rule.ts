import { type DescMethod, getOption, hasOption } from "@bufbuild/protobuf";
import { http } from "../../../gen/google/api/annotations_pb.js";
import type { HttpRule as Annotation } from "../../../gen/google/api/http_pb.js";

/** The HTTP methods that a rule can name. */
export type HttpVerb = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** A binding of an RPC to HTTP, from `google.api.http`. */
export interface HttpRule {
  readonly verb: HttpVerb;
  /** The template of the path, such as `/v1/connection_profiles/{id}:undelete`. */
  readonly path: string;
  /** The part of the request in the body: nothing when empty, all fields that are not in the path for `*`, or one field. */
  readonly body: string;
  /** The paths of the request fields in the template, in its order. */
  readonly variables: readonly string[];
}

/**
 * Returns the HTTP bindings of an RPC, the main one first; empty without `google.api.http`. Throws Error for a binding that the
 * server does not support.
 */
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
  // `{name=segments/*}` and `**` are not supported; such a template must fail at the start, not in a call.
  if (!/^(\/([A-Za-z0-9_.-]+|\{[a-z0-9_.]+\}))+(:[A-Za-z]+)?$/.test(path))
    throw new Error(`${name}: the path ${path} cannot be served`);
  const variables = [...path.matchAll(/\{([^}]+)\}/g)].map(([, variable = ""]) => variable);
  return { verb: pattern.case.toUpperCase() as HttpVerb, path, body, variables };
}
