import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { expect } from "vitest";
import type { Header, OpenApiDocument, Operation, Response } from "../../../generators/openapi/open-api-document.ts";
import type { JsonSchema } from "../../../src/proto-schema/json-schema/keywords.ts";
import type { CallRest, RestAnswer, RestRequest } from "../rest/call-rest.ts";

/** Looks things up in a document, as a program does that knows nothing else. */
export interface DocumentReader {
  operation(verb: string, path: string): { operation: Operation; pointer: string };
  resolve<T>(part: T | { $ref: string }): T;
  /** What is wrong with a value by the schema at a place of the document. */
  faults(pointer: string, value: unknown): unknown[];
  /** The members of a value that the schema does not name. */
  undocumented(schema: JsonSchema, value: unknown, path?: string): string[];
}

export function readDocument(document: OpenApiDocument): DocumentReader {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  formats.default(ajv);
  ajv.addSchema(document, "openapi.json");

  const at = (ref: string): unknown =>
    ref
      .slice(2)
      .split("/")
      .reduce<unknown>((part, key) => (part as Record<string, unknown>)[key.replaceAll("~1", "/")], document);
  const resolve = <T>(part: T | { $ref: string }): T => {
    const { $ref } = part as { $ref?: string };
    return $ref === undefined ? (part as T) : resolve(at($ref) as T);
  };

  /** The schemas of a member wherever the schema may name it. */
  const named = (schema: JsonSchema, name: string): JsonSchema[] => {
    const { properties = {}, allOf = [], anyOf = [], oneOf = [], additionalProperties, ...rest } = resolve(schema);
    const own = Object.hasOwn(properties, name) ? [properties[name] as JsonSchema] : [];
    const open = own.length === 0 && typeof additionalProperties === "object" ? [additionalProperties] : [];
    const anything = rest.type === "object" && additionalProperties === true ? [{}] : [];
    const below = [...allOf, ...anyOf, ...oneOf].flatMap((part) => named(part, name));
    return [...own, ...open, ...below, ...(own.length === 0 ? anything : [])];
  };

  const undocumented = (schema: JsonSchema, value: unknown, path = ""): string[] => {
    if (Array.isArray(value)) {
      const { items = {} } = resolve(schema);
      return value.flatMap((item, index) => undocumented(items, item, `${path}[${index}]`));
    }
    if (typeof value !== "object" || value === null || Object.keys(resolve(schema)).length === 0) return [];
    return Object.entries(value).flatMap(([name, member]) => {
      const schemas = named(schema, name);
      if (schemas.length === 0) return [`${path}.${name}`];
      const wrong = schemas.map((each) => undocumented(each, member, `${path}.${name}`));
      return wrong.find((each) => each.length === 0) ?? (wrong[0] as string[]);
    });
  };

  return {
    resolve,
    undocumented,
    faults: (pointer, value) => {
      const validate = ajv.getSchema(`openapi.json#${pointer}`) ?? ajv.compile({ $ref: `openapi.json#${pointer}` });
      return validate(value) ? [] : (validate.errors ?? []);
    },
    operation: (verb, path) => {
      const pattern = (template: string) => new RegExp(`^${template.replaceAll(/\{[^}]+\}/g, "([^/:]+)")}$`);
      const template = Object.keys(document.paths)
        .sort()
        .find((each) => (!each.includes("{") ? each === path : pattern(each).test(path)));
      const operation = document.paths[template ?? ""]?.[verb.toLowerCase()];
      if (template === undefined || operation === undefined) throw new Error(`${verb} ${path} is not in the document`);
      return {
        operation,
        pointer: `/paths/${template.replaceAll("~", "~0").replaceAll("/", "~1")}/${verb.toLowerCase()}`,
      };
    },
  };
}

const encode = (media: string) => media.replaceAll("/", "~1");

/** Calls as `call` does and holds request and answer against the document. */
export function documentedCall(reader: DocumentReader, call: CallRest): CallRest {
  return async (what, request: RestRequest = {}) => {
    const [verb = "", target = ""] = what.split(" ");
    const { operation, pointer } = reader.operation(verb, target.split("?")[0] ?? "");
    const answer = await call(what, request);
    if (answer.status < 300 && request.body !== undefined)
      expect([what, reader.faults(`${pointer}/requestBody/content/application~1json/schema`, request.body)]).toEqual([
        what,
        [],
      ]);
    checkAnswer(reader, { what, operation, pointer }, answer);
    return answer;
  };
}

function checkAnswer(
  reader: DocumentReader,
  { what, operation, pointer }: { what: string; operation: Operation; pointer: string },
  { status, headers, json }: RestAnswer,
): void {
  const key = operation.responses[status] === undefined ? "default" : String(status);
  const listed = operation.responses[key] as Response | { $ref: string };
  const response = reader.resolve(listed);
  const place = "$ref" in listed ? listed.$ref.slice(1) : `${pointer}/responses/${key}`;
  const media = (headers.get("content-type") ?? "").split(";")[0] ?? "";
  expect([what, status, Object.keys(response.content ?? {})]).toEqual([
    what,
    status,
    response.content === undefined ? [] : expect.arrayContaining([media]),
  ]);
  for (const [name, header] of Object.entries(response.headers ?? {}))
    if (reader.resolve<Header>(header).required) expect([what, name, headers.has(name)]).toEqual([what, name, true]);
  if (response.content === undefined || media.includes("stream")) return;
  expect([what, json, reader.faults(`${place}/content/${encode(media)}/schema`, json)]).toEqual([what, json, []]);
  expect([what, reader.undocumented(response.content[media]?.schema ?? {}, json)]).toEqual([what, []]);
}
