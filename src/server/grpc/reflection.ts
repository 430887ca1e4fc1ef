import { EventEmitter } from "node:events";
import { setImmediate } from "node:timers/promises";
import { type DescFile, type DescService, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import type { handleBidiStreamingCall, Server } from "@grpc/grpc-js";
import type { EnumTypeDefinition } from "@grpc/proto-loader";
import { ReflectionService } from "@grpc/reflection";
import { file_google_rpc_error_details } from "../../../gen/google/rpc/error_details_pb.js";
import { Health } from "../../../gen/health/v1/health_pb.js";

/** Adds the reflection service, for grpcurl and similar tools: the given services, Health, their imports and the error details. */
export function serveReflection(server: Server, services: readonly DescService[]): void {
  const files = new Map<string, DescFile>();
  const collect = (file: DescFile) => {
    if (files.has(file.name)) return;
    file.dependencies.forEach(collect);
    files.set(file.name, file); // after its imports, the order of a descriptor set
  };
  collect(file_google_rpc_error_details);
  for (const service of [...services, Health]) collect(service.file);

  // The library reads only the file descriptors of a definition, so it gets the generated ones: loaded through protobufjs they
  // would have other file names, with imports that do not resolve.
  const everything: EnumTypeDefinition = {
    format: "Protocol Buffer 3 EnumDescriptorProto",
    type: {},
    fileDescriptorProtos: [...files.values()].map((file) =>
      Buffer.from(toBinary(FileDescriptorProtoSchema, file.proto)),
    ),
  };
  new ReflectionService({ everything }).addToServer({
    addService: (definition, handlers) =>
      server.addService(
        definition,
        Object.fromEntries(
          Object.entries(handlers).map(([name, handler]) => [
            name,
            oneByOne(handler as handleBidiStreamingCall<unknown, unknown>),
          ]),
        ),
      ),
  });
}

/**
 * Passes a request to the library only after the response to the previous one is sent: the library responds to requests as they
 * arrive, whether or not the client reads, and responses are a hundred times as large.
 */
function oneByOne(handler: handleBidiStreamingCall<unknown, unknown>): handleBidiStreamingCall<unknown, unknown> {
  return (call) => {
    const answers: unknown[] = [];
    const line = Object.assign(new EventEmitter(), { write: (answer: unknown) => answers.push(answer), end: () => {} });
    handler(line as unknown as typeof call);
    const serve = async () => {
      for await (const request of call.iterator({ destroyOnReturn: false })) {
        line.emit("data", request);
        for (const answer of answers.splice(0)) await new Promise<void>((sent) => call.write(answer, () => sent()));
        await setImmediate(); // lets other calls run
      }
      call.end();
    };
    serve().catch(() => call.destroy()); // the caller left
  };
}
