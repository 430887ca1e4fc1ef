import { type DescMethod, getOption } from "@bufbuild/protobuf";
import { access } from "../../gen/connectory/options/v1/access_pb.js";
import { descriptionOf } from "../../src/proto-schema/comments/description-of.ts";
import type { HttpRule } from "../../src/proto-schema/http/http-rule.ts";
import { restMappingOf } from "../../src/proto-schema/http/rest-mapping.ts";
import type { SampleOf } from "./create-samples.ts";
import type { DocumentSchemas } from "./create-schemas.ts";
import { describeAnswer } from "./describe-answer.ts";
import { describeParameters } from "./describe-parameters.ts";
import type { DocumentProblems } from "./describe-problems.ts";
import { describeRequest } from "./describe-request.ts";
import type { Operation, Response } from "./open-api-document.ts";

/** What operations are described with. */
export interface Workshop {
  readonly schemas: DocumentSchemas;
  readonly problems: DocumentProblems;
  readonly sampleOf: SampleOf;
}

/** A way to call an RPC as an operation. `isMain` for the first one, which has the RPC's name. */
export function describeOperation(method: DescMethod, rule: HttpRule, isMain: boolean, workshop: Workshop): Operation {
  const { schemas, problems, sampleOf } = workshop;
  const form = restMappingOf(method);
  const { permission, public: isPublic } = getOption(method, access);
  const comment = descriptionOf(method);
  const parameters = describeParameters(method, rule, form, schemas);
  const requestBody = describeRequest(method, rule, form, schemas, sampleOf);
  const notModified: Response = { description: "The caller has the state of now already." };
  const ended: Response = { description: "`Last-Event-ID` is that of `done`: there is nothing to go on with." };
  const answersTag = parameters.some((parameter) => "$ref" in parameter && parameter.$ref.endsWith("/IfNoneMatch"));
  return {
    operationId: isMain ? method.localName : `${method.localName}${suffixOf(rule)}`,
    summary: /^.*?[^.]\.(?=\s|$)/s.exec(comment)?.[0].replace(/\.$/, "") ?? method.name,
    description: `${comment}\n\n${isPublic ? "Needs no token." : `Needs the permission \`${permission}\`.`} Over gRPC: \`${method.parent.typeName}/${method.name}\`.`,
    tags: [method.parent.name],
    ...(method.proto.options?.deprecated === true ? { deprecated: true } : {}),
    ...(isPublic ? { security: [] } : {}),
    parameters,
    ...(requestBody === undefined ? {} : { requestBody }),
    responses: {
      [form.status]: describeAnswer(method, rule, form, schemas, sampleOf),
      ...(answersTag ? { "304": notModified } : {}),
      ...(method.methodKind === "unary" ? {} : { "204": ended }),
      ...problems.of(method, form),
    },
  };
}

/** What tells a further way from the first: the verb of its path, or the last word in it. */
function suffixOf({ path }: HttpRule): string {
  const word = /([A-Za-z]+)[^A-Za-z]*$/.exec(path)?.[1] ?? "";
  return word.charAt(0).toUpperCase() + word.slice(1);
}
