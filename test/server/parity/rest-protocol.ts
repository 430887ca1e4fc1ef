import {
  type DescField,
  type DescMethod,
  fromJson,
  getOption,
  type JsonObject,
  type JsonValue,
  toJson,
} from "@bufbuild/protobuf";
import { createParser } from "eventsource-parser";
import { discriminator, RestStyle, rest_style } from "../../../gen/connectory/options/v1/rest_pb.js";
import { http } from "../../../gen/google/api/annotations_pb.js";
import { contractPath, memberOf } from "./contract-path.ts";
import { canonical, type Protocol, type Refusal } from "./protocol.ts";

/**
 * fetch, with paths and bodies put together from the annotations alone and none of the server's code, so that a mistake there
 * cannot hide here.
 */
export function restProtocol(httpUrl: string): Protocol {
  return {
    ask: async (method, request, token) => {
      const { verb, url, body } = toHttp(method, request);
      const headers: Record<string, string> = token === "" ? {} : { authorization: `Bearer ${token}` };
      if (body !== undefined) headers["content-type"] = "application/json";
      const response = await fetch(new URL(url, httpUrl), {
        method: verb,
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (!response.ok) {
        expectProblem(response, text);
        return { refused: toRefusal(method, request, JSON.parse(text)) };
      }
      if (method.methodKind === "unary") return { messages: [toMessage(method, JSON.parse(text))] };
      return { messages: eventsOf(text).map((event) => canonical(method.output, event)) };
    },
    close: async () => undefined,
  };
}

/** The request of an RPC as its first fitting `google.api.http` rule wants it. */
function toHttp(method: DescMethod, request: JsonObject): { verb: string; url: string; body: JsonObject | undefined } {
  const flat = getOption(method.parent, rest_style) === RestStyle.FLAT;
  const message = fromJson(method.input, request);
  const plain = toJson(method.input, message, { useProtoFieldName: flat }) as JsonObject;
  const main = getOption(method, http);
  const nameOf = (path: string) =>
    method.input.field[path] === undefined ? path : keyOf(fieldNamed(method, path), flat);
  const rule = [main, ...main.additionalBindings].find(({ pattern }) =>
    variablesOf(String(pattern.value)).every((name) => plain[nameOf(name)] !== undefined),
  );
  if (rule === undefined) {
    // Something that the path needs is missing: whatever is asked then, it is asked with a path that has a hole.
    return {
      verb: String(main.pattern.case).toUpperCase(),
      url: String(main.pattern.value).replaceAll(/\{[^}]+\}/g, "%20"),
      body: undefined,
    };
  }
  const { pattern, body } = rule;
  let url = String(pattern.value);
  for (const name of variablesOf(url)) {
    url = url.replace(`{${name}}`, encodeURIComponent(String(plain[nameOf(name)])));
    delete plain[nameOf(name)];
  }
  if (body === "*")
    return { verb: String(pattern.case).toUpperCase(), url, body: flat ? flatten(method, plain) : plain };
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(plain))
    query.set(name, typeof value === "string" ? value : JSON.stringify(value));
  return { verb: String(pattern.case).toUpperCase(), url: query.size === 0 ? url : `${url}?${query}`, body: undefined };
}

const variablesOf = (path: string) => [...path.matchAll(/\{([^}]+)\}/g)].map(([, name = ""]) => name);
const keyOf = (field: DescField, flat: boolean) => (flat ? field.name : field.jsonName);

function fieldNamed(method: DescMethod, name: string): DescField {
  const field = method.input.fields.find((testTarget) => testTarget.name === name);
  if (field === undefined) throw new Error(`${method.input.typeName} has no field ${name}`);
  return field;
}

/** `{config: {kafka: {…}}}` → `{connector: "kafka", config: {…}}`. */
function flatten(method: DescMethod, plain: JsonObject): JsonObject {
  const result: JsonObject = { ...plain };
  for (const field of method.input.fields) {
    const by = getOption(field, discriminator);
    const [member] = Object.entries((plain[field.name] ?? {}) as JsonObject);
    if (by === "" || member === undefined) continue;
    // What the caller calls it stays, so that a contradiction can be asked for.
    if (plain[by] !== undefined && plain[by] !== member[0]) continue;
    result[by] = member[0];
    result[field.name] = member[1];
  }
  return result;
}

/** The answer message out of the form that REST gives it. */
function toMessage(method: DescMethod, body: JsonObject): JsonValue {
  const { output } = method;
  const [first] = output.fields;
  if (first === undefined) return canonical(output, {});
  if (getOption(method.parent, rest_style) === RestStyle.ENVELOPE) {
    const kept = output.fields.filter(({ jsonName }) => body[jsonName] !== undefined);
    return canonical(output, Object.fromEntries(kept.map(({ jsonName }) => [jsonName, body[jsonName] as JsonValue])));
  }
  const rest = Object.fromEntries(
    output.fields.slice(1).flatMap(({ name }) => (body[name] === undefined ? [] : [[name, body[name] as JsonValue]])),
  );
  if (first.fieldKind === "message") {
    const own = first.message.fields.filter(({ name }) => body[name] !== undefined);
    const resource = Object.fromEntries(own.map(({ name }) => [name, body[name] as JsonValue]));
    return canonical(output, own.length === 0 ? rest : { ...rest, [first.name]: unflatten(first, resource) });
  }
  if (first.fieldKind === "list") {
    const data = (body.data as JsonValue[]).map((one) => unflatten(first, one as JsonObject));
    return canonical(output, { ...rest, [first.name]: data });
  }
  return canonical(output, body);
}

/** The other way round, wherever in a resource a configuration stands. */
function unflatten(of: DescField, resource: JsonObject): JsonObject {
  const result: JsonObject = { ...resource };
  for (const field of of.message?.fields ?? []) {
    const value = result[field.name];
    if (value === undefined || field.message === undefined || field.fieldKind !== "message") continue;
    const by = getOption(field, discriminator);
    if (by !== "") result[field.name] = { [String(result[by])]: value };
    else if (!field.message.typeName.startsWith("google.")) result[field.name] = unflatten(field, value as JsonObject);
  }
  return result;
}

function eventsOf(text: string): JsonObject[] {
  const events: JsonObject[] = [];
  const parser = createParser({
    onEvent: ({ event, data }) => {
      if (event === undefined || event === "message") events.push(JSON.parse(data));
    },
  });
  parser.feed(text);
  return events;
}

const members = ["type", "title", "status", "detail", "code", "reason", "requestId"];

function expectProblem(response: Response, text: string): void {
  const type = response.headers.get("content-type") ?? "";
  const body = JSON.parse(text) as JsonObject;
  const missing = members.filter((name) => body[name] === undefined);
  if (!type.startsWith("application/problem+json") || missing.length > 0 || body.status !== response.status)
    throw new Error(`${response.status} ${type} is no problem detail, it lacks ${missing.join(", ")}: ${text}`);
}

function toRefusal(method: DescMethod, request: JsonObject, body: JsonObject): Refusal {
  const violations = (body.violations ?? []) as { field: string }[];
  return {
    code: String(body.code),
    reason: String(body.reason),
    metadata: (body.metadata ?? {}) as Record<string, string>,
    fields: violations.map(({ field }) => contractPath(method.input, field, memberOf(request))),
    retry: body.retryAfterMs !== undefined,
  };
}
