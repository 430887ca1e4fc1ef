import { create, type DescField, type DescMessage, type Message, ScalarType, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { ConnectionProfileService } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectionService } from "../../gen/connectory/v1/connection_service_pb.js";
import { sizeUpperBound } from "../../src/interceptors/response-size/size-upper-bound.ts";

const methods = [ConnectionService, ConnectionProfileService].flatMap((service) => service.methods);
/** Three bytes a character, short and long. */
const texts = ["€".repeat(7), "€".repeat(500)];

/** A message in which every field is set, and of each oneof the member that is chosen by a number. */
function filled(schema: DescMessage, choice: number, depth = 0): Message {
  const init: Record<string, unknown> = {};
  if (depth > 6) return create(schema);
  for (const member of schema.members)
    if (member.kind === "field") init[member.localName] = contentOf(member, choice, depth);
    else {
      const field = member.fields[choice % member.fields.length] as DescField;
      init[member.localName] = { case: field.localName, value: contentOf(field, choice, depth) };
    }
  return create(schema, init);
}

function contentOf(field: DescField, choice: number, depth: number): unknown {
  const one = () => (field.message === undefined ? scalarOf(field) : filled(field.message, choice, depth + 1));
  if (field.fieldKind === "list") return [one(), one(), one()];
  if (field.fieldKind === "map") return { [texts[0] as string]: one(), [texts[1] as string]: one() };
  return one();
}

function scalarOf({ scalar, enum: of }: DescField): unknown {
  if (of !== undefined) return of.values.at(-1)?.number;
  if (scalar === ScalarType.STRING) return texts[1];
  if (scalar === ScalarType.BYTES) return new Uint8Array(300);
  if (scalar === ScalarType.BOOL) return true;
  const isLong = [ScalarType.INT64, ScalarType.UINT64, ScalarType.SINT64].includes(scalar as ScalarType);
  return isLong ? 2n ** 63n - 1n : 2 ** 31 - 1;
}

describe.each(methods.map((method) => [method.name, method] as const))(
  "the bound of an answer of %s",
  (_, { output }) => {
    test("is never below what it takes", () => {
      for (let choice = 0; choice < 15; choice += 1) {
        const message = filled(output, choice);
        const { length } = toBinary(output, message);
        expect(sizeUpperBound(output, message, Number.POSITIVE_INFINITY)).toBeGreaterThanOrEqual(length);
        expect(sizeUpperBound(output, message, length - 1)).toBeGreaterThan(length - 1);
      }
    });
  },
);

test("text is no more than what it takes and a little, so that few answers are written to be measured", () => {
  const { output } = ConnectionProfileService.method.getConnectionProfile;
  const message = create(output, { connectionProfile: { description: "a".repeat(100_000) } } as never);
  expect(sizeUpperBound(output, message, Number.POSITIVE_INFINITY)).toBeLessThan(100_500);
});
