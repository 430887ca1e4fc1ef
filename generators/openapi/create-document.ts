import type { DescService } from "@bufbuild/protobuf";
import { descriptionOf } from "../../src/proto-schema/comments/description-of.ts";
import { httpRulesOf } from "../../src/proto-schema/http/http-rule.ts";
import type { JsonSchema } from "../../src/proto-schema/json-schema/keywords.ts";
import { createSamples } from "./create-samples.ts";
import { createSchemas } from "./create-schemas.ts";
import { describeOperation } from "./describe-operation.ts";
import { headerParameters } from "./describe-parameters.ts";
import { describeProblems } from "./describe-problems.ts";
import type { Header, OpenApiDocument, Operation } from "./open-api-document.ts";
import { portableKeywords } from "./portable-keywords.ts";
import { splitByDiscriminator } from "./split-by-discriminator.ts";

/** What a document says of the program, as package.json does. */
export interface Program {
  readonly version: string;
  readonly description: string;
  readonly license: string;
}

const about = `Every path needs a bearer token; all that a call sees and makes lies in the organization of that token.

Errors are \`application/problem+json\` (RFC 9457) with a \`reason\`, which is a stable name for programs.
The same paths are there below \`/api\` too. The same methods can be called over gRPC, Connect and gRPC-Web, and as tools over MCP.`;

const text: JsonSchema = { type: "string" };
const headers: Record<string, Header> = {
  RequestId: { description: "The id of the call, which the server's log has too.", required: true, schema: text },
  ETag: {
    description: "Changes with the resource; for `If-Match` and `If-None-Match`.",
    required: false,
    schema: text,
  },
  RetryAfter: {
    description: "When to come back, in seconds.",
    required: false,
    schema: { type: "integer", minimum: 0 },
  },
  Challenge: { description: "How to authenticate: `Bearer`.", required: true, schema: text },
};

/** The OpenAPI document of services: all of it follows from their protos. The same input gives the same document. */
export function createDocument(services: readonly DescService[], program: Program): OpenApiDocument {
  const schemas = createSchemas();
  const workshop = { schemas, problems: describeProblems(schemas), sampleOf: createSamples(schemas) };
  const paths: Record<string, Record<string, Operation>> = {};
  for (const method of services.flatMap((service) => service.methods))
    for (const [index, rule] of httpRulesOf(method).entries()) {
      const operation = describeOperation(method, rule, index === 0, workshop);
      paths[rule.path] = { ...paths[rule.path], [rule.verb.toLowerCase()]: operation };
    }
  const responses = workshop.problems.responses();
  return portableKeywords({
    openapi: "3.1.0",
    info: {
      title: "Connectory",
      version: program.version,
      summary: program.description,
      description: about,
      license: { name: program.license, identifier: program.license },
    },
    servers: [{ url: "http://127.0.0.1:8080", description: "The server of `npm start`" }],
    security: [{ bearer: [] }],
    tags: services.map((service) => ({ name: service.name, description: descriptionOf(service) })),
    paths,
    components: {
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT", description: "A token of the server's issuer." },
      },
      schemas: inUse({ paths, responses }, splitByDiscriminator(schemas.all())),
      parameters: headerParameters,
      headers,
      responses,
    },
  });
}

/** Those of the schemas that something refers to, directly or through others, in the order of their names. */
function inUse(from: unknown, schemas: Record<string, JsonSchema>): Record<string, JsonSchema> {
  const used = new Set<string>();
  const visit = (part: unknown) => {
    for (const [, name = ""] of JSON.stringify(part).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)) {
      if (used.has(name)) continue;
      used.add(name);
      visit(schemas[name]);
    }
  };
  visit(from);
  return Object.fromEntries([...used].sort().map((name) => [name, schemas[name] ?? {}]));
}
