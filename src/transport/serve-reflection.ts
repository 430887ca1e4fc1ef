import { type DescFile, type DescService, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import type { Server } from "@grpc/grpc-js";
import type { EnumTypeDefinition } from "@grpc/proto-loader";
import { ReflectionService } from "@grpc/reflection";
import { file_google_rpc_error_details } from "../../gen/google/rpc/error_details_pb.js";
import { Health } from "../../gen/health/v1/health_pb.js";

/**
 * Lets grpcurl and the like ask which services and messages there are, with all that they import and with the details
 * that errors carry.
 */
export function serveReflection(server: Server, services: readonly DescService[]): void {
  const files = new Map<string, DescFile>();
  const collect = (file: DescFile) => {
    if (files.has(file.name)) return;
    file.dependencies.forEach(collect);
    files.set(file.name, file); // after its imports, as a descriptor set wants it
  };
  collect(file_google_rpc_error_details);
  for (const service of [...services, Health]) collect(service.file);

  // The library reads nothing of a definition but its file descriptors, so it gets the generated ones as they are:
  // loaded through protobufjs they would come back under other file names, with imports that no longer resolve.
  const everything: EnumTypeDefinition = {
    format: "Protocol Buffer 3 EnumDescriptorProto",
    type: {},
    fileDescriptorProtos: [...files.values()].map((file) =>
      Buffer.from(toBinary(FileDescriptorProtoSchema, file.proto)),
    ),
  };
  new ReflectionService({ everything }).addToServer(server);
}
