import { EventEmitter } from "node:events";
import { setImmediate } from "node:timers/promises";
import { type DescFile, type DescService, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import type { handleBidiStreamingCall, Server } from "@grpc/grpc-js";
import type { EnumTypeDefinition } from "@grpc/proto-loader";
import { ReflectionService } from "@grpc/reflection";
import { file_google_rpc_error_details } from "../../../gen/google/rpc/error_details_pb.js";
import { Health } from "../../../gen/health/v1/health_pb.js";

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
 * The library answers as fast as requests come, whether or not anybody reads the answers, which are a hundred times as
 * large. So it gets the next request when the answer to the one before was sent.
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
        await setImmediate(); // others are answered in between
      }
      call.end();
    };
    serve().catch(() => call.destroy()); // the caller left
  };
}
