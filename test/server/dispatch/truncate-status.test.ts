import { create, toBinary } from "@bufbuild/protobuf";
import { type Any, anyPack, anyUnpack } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { TestReportSchema } from "../../../gen/connectory/v1/test_report_pb.js";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  PreconditionFailureSchema,
} from "../../../gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../../../gen/google/rpc/status_pb.js";
import { truncateStatus } from "../../../src/server/dispatch/truncate-status.ts";
import { toGrpcStatus } from "../../../src/server/grpc/grpc-status.ts";

const info = anyPack(ErrorInfoSchema, create(ErrorInfoSchema, { reason: "FIELD_INVALID" }));
const violationsOf = (count: number, text: string) => {
  const fieldViolations = Array.from({ length: count }, (_, n) => ({ field: `labels[${n}]`, description: text }));
  return anyPack(BadRequestSchema, create(BadRequestSchema, { fieldViolations }));
};
const status = (message: string, ...details: Any[]) =>
  create(StatusSchema, { code: 3, message, details: [info, ...details] });

describe("a status for clients that take 8192 bytes of trailers", () => {
  test("stays as it is when it is small", () => {
    const small = status("labels: too long", violationsOf(3, "must be shorter"));
    expect(truncateStatus(small)).toEqual(small);
  });

  test("keeps the first violations of many, and its reason", () => {
    const fitted = truncateStatus(status("x", violationsOf(64, "ü".repeat(200))));
    expect(anyUnpack(fitted.details[0] as Any, ErrorInfoSchema)?.reason).toBe("FIELD_INVALID");
    const left = anyUnpack(fitted.details[1] as Any, BadRequestSchema)?.fieldViolations ?? [];
    expect(left.length).toBeGreaterThan(3);
    expect(left[0]?.field).toBe("labels[0]");
  });

  test("keeps the first of many preconditions, and says how many are left out", () => {
    const paths = Array.from({ length: 64 }, (_, n) => `headers.x-${n}-${"a".repeat(60)}`);
    const violations = paths.map((subject) => ({ type: "SECRET_REQUIRED", subject, description: "b".repeat(100) }));
    const metadata = { secrets: paths.join(",") };
    const reason = anyPack(ErrorInfoSchema, create(ErrorInfoSchema, { reason: "SECRET_REBIND_REQUIRED", metadata }));
    const full = create(StatusSchema, {
      code: 9,
      message: "x",
      details: [reason, anyPack(PreconditionFailureSchema, create(PreconditionFailureSchema, { violations }))],
    });
    const fitted = truncateStatus(full);
    expect(toBinary(StatusSchema, fitted).length).toBeLessThanOrEqual(4000);
    expect(anyUnpack(fitted.details[0] as Any, ErrorInfoSchema)?.reason).toBe("SECRET_REBIND_REQUIRED");
    const left = anyUnpack(fitted.details[1] as Any, PreconditionFailureSchema)?.violations ?? [];
    expect(left.length).toBeGreaterThan(2);
    expect(left[0]?.subject).toBe(paths[0]);
    expect(left.at(-1)?.description).toBe(`and ${64 - (left.length - 1)} more`);
  });

  test("goes without a report that is too long, and cuts a long message at a whole character", () => {
    const report = create(TestReportSchema, { steps: Array.from({ length: 100 }, () => ({ hint: "a".repeat(100) })) });
    const fitted = truncateStatus(status("😀".repeat(1000), anyPack(TestReportSchema, report)));
    expect(fitted.details).toHaveLength(1);
    expect(fitted.message).toMatch(/^(😀)+\uFFFD?…$/u);
    const error = new ConnectError("😀".repeat(1000), Code.InvalidArgument, undefined, [
      { desc: ErrorInfoSchema, value: { reason: "TARGET_UNUSABLE" } },
      { desc: TestReportSchema, value: report },
    ]);
    const { details, metadata } = toGrpcStatus(error);
    const [bin] = metadata.get("grpc-status-details-bin");
    const size = encodeURIComponent(details.toWellFormed()).length + Math.ceil((Buffer.from(bin ?? "").length * 4) / 3);
    expect(size).toBeLessThan(7500);
  });
});
