import type { DescMethod, JsonObject } from "@bufbuild/protobuf";
import type { HttpRule } from "../../src/proto-schema/http/http-rule.ts";
import { discriminatorOf, type RestMapping, restNameOf } from "../../src/proto-schema/http/rest-mapping.ts";
import type { JsonSchema, ObjectSchema } from "../../src/proto-schema/json-schema/keywords.ts";
import { titleOf } from "../../src/proto-schema/json-schema/title-of.ts";
import type { SampleOf } from "./create-samples.ts";
import { type DocumentSchemas, membersOf, namedField } from "./create-schemas.ts";
import type { Example, RequestBody } from "./open-api-document.ts";

/** The body of a request: all that the path does not say, or the field that the rule names; undefined without one. */
export function describeRequest(
  method: DescMethod,
  rule: HttpRule,
  form: RestMapping,
  schemas: DocumentSchemas,
  sampleOf: SampleOf,
): RequestBody | undefined {
  if (rule.body === "") return undefined;
  const whole = requestSchema(method, form, schemas);
  const field = method.input.fields.find(({ name }) => name === rule.body);
  const inPath = new Set(rule.variables);
  const schema =
    field === undefined ? without(whole, method, form, inPath) : whole.properties[restNameOf(field, form.names)];
  if (schema === undefined) throw new Error(`${method}: there is no field ${rule.body} to make a body of`);
  const isWhole = inPath.size === 0 && field === undefined;
  const isPlain = isWhole && namedField(method.input) === undefined;
  const name = `${method.name}${isWhole ? "Request" : "Body"}`;
  const required = field !== undefined || (schema.required ?? []).length > 0;
  return {
    required,
    content: {
      "application/json": {
        schema: isPlain ? schemas.of(form.names, "input").refer(method.input) : schemas.keep(name, schema),
        examples: requestExamples(method, form, schema, schemas, sampleOf),
      },
    },
  };
}

/** The request with what REST adds to it: a message that is named beside it needs its name. */
export function requestSchema({ input }: DescMethod, { names }: RestMapping, schemas: DocumentSchemas): ObjectSchema {
  const schema = schemas.of(names, "input").of(input);
  const named = namedField(input);
  const naming = named === undefined ? undefined : discriminatorOf(named);
  if (named === undefined || naming === undefined) return schema;
  const [name, value] = [restNameOf(naming, names), restNameOf(named, names)];
  const { description: _, ...rest } = schema.properties[name] ?? {};
  schema.properties[name] = {
    ...rest,
    description: `Says what \`${value}\` is of. Without it \`${value}\` needs the name around its fields: \`{"${membersOf(named)[0]?.name ?? ""}": {…}}\`.`,
  };
  const isRequired = schema.required?.includes(value) === true && !schema.required.includes(name);
  return isRequired ? { ...schema, required: [...(schema.required ?? []), name] } : schema;
}

function without(
  schema: ObjectSchema,
  { input }: DescMethod,
  { names }: RestMapping,
  fields: ReadonlySet<string>,
): JsonSchema {
  const taken = new Set(input.fields.filter(({ name }) => fields.has(name)).map((field) => restNameOf(field, names)));
  if (taken.size === 0) return schema;
  const { required = [], ...rest } = schema;
  const left = required.filter((name) => !taken.has(name));
  return {
    ...rest,
    properties: Object.fromEntries(Object.entries(schema.properties).filter(([name]) => !taken.has(name))),
    ...(left.length === 0 ? {} : { required: left }),
  };
}

/** One example, or one for each member where the request has a message that is named beside it. */
function requestExamples(
  { input }: DescMethod,
  { names }: RestMapping,
  schema: JsonSchema,
  schemas: DocumentSchemas,
  sampleOf: SampleOf,
): Record<string, Example> {
  const sample = sampleOf(schema, "request");
  const named = namedField(input);
  const naming = named === undefined ? undefined : discriminatorOf(named);
  if (named === undefined || naming === undefined) return { example: { summary: "What is needed", value: sample } };
  return Object.fromEntries(
    membersOf(named).map((member) => {
      const config =
        member.message === undefined ? {} : sampleOf(schemas.of(names, "input").of(member.message), "part");
      const value = {
        ...(sample as JsonObject),
        [restNameOf(naming, names)]: member.name,
        [restNameOf(named, names)]: config,
      };
      return [member.name, { summary: titleOf(member), value }];
    }),
  );
}
