import { create, createFileRegistry, type DescService, type Message, setExtension } from "@bufbuild/protobuf";
import {
  FieldOptionsSchema,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  file_google_protobuf_descriptor,
  FieldDescriptorProto_Label as Label,
  MethodOptionsSchema,
  ServiceOptionsSchema,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt";
import { type RestStyle, rest_style, stream_position } from "../../../gen/connectory/options/v1/rest_pb.js";
import { http } from "../../../gen/google/api/annotations_pb.js";
import { type HttpRule, HttpRuleSchema } from "../../../gen/google/api/http_pb.js";

/** What the handlers of CountingService get and give. */
export type Numbers = Message & { until: number; after: number; number: number };

/**
 * A service of its own, with handlers of the test's own: `Count` counts over GET /v1/numbers and `Say` answers over
 * POST /v1/numbers, in the style that is asked for.
 */
export function countingService(style: RestStyle): DescService {
  const field = (name: string, number: number, isPosition = false) => {
    const options = create(FieldOptionsSchema);
    if (isPosition) setExtension(options, stream_position, true);
    return { name, number, type: Type.INT32, label: Label.OPTIONAL, jsonName: name, options };
  };
  const rule = (pattern: HttpRule["pattern"], body = "") => {
    const options = create(MethodOptionsSchema);
    setExtension(options, http, create(HttpRuleSchema, { pattern, body }));
    return options;
  };
  const options = create(ServiceOptionsSchema);
  setExtension(options, rest_style, style);
  const types = { inputType: ".test.CountRequest", outputType: ".test.CountResponse" };
  const file: FileDescriptorProto = create(FileDescriptorProtoSchema, {
    name: "test/numbers.proto",
    package: "test",
    syntax: "proto3",
    messageType: [
      { name: "CountRequest", field: [field("until", 1), field("after", 2, true)] },
      { name: "CountResponse", field: [field("number", 1, true)] },
    ],
    service: [
      {
        name: "CountingService",
        options,
        method: [
          { name: "Count", ...types, serverStreaming: true, options: rule({ case: "get", value: "/v1/numbers" }) },
          { name: "Say", ...types, options: rule({ case: "post", value: "/v1/numbers" }, "*") },
        ],
      },
    ],
  });
  const service = createFileRegistry(file, () => file_google_protobuf_descriptor).getService("test.CountingService");
  if (service === undefined) throw new Error("the service was not made");
  return service;
}
