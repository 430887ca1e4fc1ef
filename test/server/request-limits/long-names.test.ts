import { expect, test, vi } from "vitest";
import { CreateConnectionProfileRequestSchema as Create } from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import { ApiError } from "../../../src/errors/api-error.ts";
import { checkRequestJson, jsonBounds } from "../../../src/server/request-limits/check-request.ts";

test.each(["x", "\\u0041"])("a name of very many %s is refused before it is parsed", (part) => {
  const parse = vi.spyOn(JSON, "parse");
  const text = `{"${part.repeat(4_000_000 / part.length)}":1}`;
  expect(() => checkRequestJson(jsonBounds(Create), text)).toThrow(ApiError);
  expect(parse).not.toHaveBeenCalled();
});
