import { EventEmitter } from "node:events";
import * as protobuf from "@bufbuild/protobuf";
import { Metadata } from "@grpc/grpc-js";
import { afterEach, describe, expect, test, vi } from "vitest";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../../../src/errors/api-error.ts";
import { openGrpcCall } from "../../../src/server/grpc/grpc-call.ts";
import { readArguments } from "../../../src/server/mcp/read-arguments.ts";
import { checkRequestJson, jsonBounds } from "../../../src/server/request-limits/check-request.ts";
import { decodeRequest } from "../../../src/server/rest/request/decode-request.ts";
import { type Fillable, fillables, fillBinary, fillJson } from "./fill-field.ts";

// What makes messages is counted: a request that is refused in time has made none.
vi.mock("@bufbuild/protobuf", { spy: true });

/** More than any rule allows, and more than can be made while others wait; smaller than the size that is refused unseen. */
const elements = 50_000;

function failureOf(run: () => unknown): ApiError {
  try {
    run();
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  return expect.fail("not refused");
}

function limit({ node }: Fillable): string {
  return node.kind === "map"
    ? `map must be at most ${node.count} entries`
    : `must contain no more than ${node.count} item(s)`;
}

function refusal(run: () => unknown) {
  const parse = vi.spyOn(JSON, "parse");
  const { fromBinary, fromJson, fromJsonString, create } = vi.mocked(protobuf);
  for (const made of [fromBinary, fromJson, fromJsonString, create]) made.mockClear();
  const failure = failureOf(run);
  const parsed = parse.mock.calls.filter(([text]) => text.length > 1000);
  const made = [fromBinary, fromJson, fromJsonString, create].map(({ mock }) => mock.calls.length);
  return {
    reason: ErrorReason[failure.reason],
    violations: failure.detail.fieldViolations,
    calls: [parsed.length, ...made],
  };
}

const refused = (field: string, description: string) => ({
  reason: "FIELD_INVALID",
  violations: [{ field, description }],
  calls: [0, 0, 0, 0, 0],
});

const options = { form: { wrapped: false }, rejectMember: () => expect.fail("no member is looked for") };

afterEach(() => void vi.restoreAllMocks());

describe.each(fillables())("%s, filled", (_name, fillable) => {
  const { input, node, path, jsonPath } = fillable;

  test("is refused in binary before one element is made", () => {
    const call = Object.assign(new EventEmitter(), {
      request: fillBinary(node, elements) as Buffer,
      metadata: new Metadata(),
      getDeadline: () => Number.POSITIVE_INFINITY,
      getPeer: () => "127.0.0.1:1",
      sendMetadata: () => {},
    });
    expect(refusal(() => openGrpcCall(call, input).incoming.decode())).toEqual(refused(path, limit(fillable)));
  });

  test("is refused in the JSON of Connect and REST before it is parsed", () => {
    const body = fillJson(node, elements);
    expect(refusal(() => checkRequestJson(jsonBounds(input), body))).toEqual(refused(jsonPath, limit(fillable)));
    const rest = { bodyRule: "*", body, query: "", fixed: [] };
    expect(refusal(() => decodeRequest(input, rest, options))).toEqual(refused(jsonPath, limit(fillable)));
  });

  test("is refused as the arguments of a tool before a message is made", () => {
    const args = JSON.parse(fillJson(node, 2000));
    expect(refusal(() => readArguments(input, args, options))).toEqual(refused(jsonPath, limit(fillable)));
  });
});

test("there are such fields, nested ones too", () => {
  const names = fillables().map(([name]) => name);
  expect(names).toContain("BatchCheckConnections pairs");
  expect(names).toContain("StreamConnectionProfileTest config.http.headers");
  expect(names).toContain("RollbackConnectionProfile secrets");
  expect(names).toContain("UpdateConnectionProfile update_mask.paths");
});
