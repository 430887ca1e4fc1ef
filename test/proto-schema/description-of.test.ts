import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { describe, expect, test } from "vitest";
import {
  ConnectionProfileService,
  file_connectory_v1_connection_profile_service as profiles,
} from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { file_connectory_v1_connection_service as connections } from "../../gen/connectory/v1/connection_service_pb.js";
import { ErrorReasonSchema } from "../../gen/connectory/v1/error_reason_pb.js";
import { NatsConfigSchema, file_connectory_v1_nats_config as nats } from "../../gen/connectory/v1/nats_config_pb.js";
import { StatusSchema } from "../../gen/google/rpc/status_pb.js";
import { descriptionOf } from "../../src/proto-schema/comments/description-of.ts";

describe.each([profiles, connections, nats].map((file) => [file.name, file] as const))("%s", (_name, file) => {
  test("has a comment for everything", () => {
    for (const type of nestedTypes(file)) {
      if (type.kind === "extension") continue;
      expect([String(type), descriptionOf(type)]).toEqual([String(type), expect.stringMatching(/^[A-Z`].*[.!]$/s)]);
      const inside =
        type.kind === "service" ? type.methods : type.kind === "enum" ? type.values : [...type.fields, ...type.oneofs];
      for (const part of inside) expect([String(part), descriptionOf(part) !== ""]).toEqual([String(part), true]);
    }
  });
});

test("a comment is the text above a declaration, its lines joined", () => {
  expect(descriptionOf(ConnectionProfileService.method.deleteConnectionProfile)).toBe(
    "Deletes a profile. It can be had back with its secrets until it is expunged; its name is free at once.",
  );
  expect(descriptionOf(ErrorReasonSchema.values[1] ?? ErrorReasonSchema)).toMatch(/^UNAUTHENTICATED\. No bearer token/);
  expect(descriptionOf(NatsConfigSchema.oneofs[0] ?? NatsConfigSchema)).toBe("How to log in; no log-in when absent.");
});

test("what is of others has none", () => {
  expect(descriptionOf(StatusSchema)).toBe("");
  expect(descriptionOf(profiles)).toBe("");
});
