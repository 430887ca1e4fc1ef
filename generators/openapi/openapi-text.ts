import { ConnectionProfileService } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectionService } from "../../gen/connectory/v1/connection_service_pb.js";
import packageJson from "../../package.json" with { type: "json" };
import { createDocument } from "./create-document.ts";

/** Returns the text of `gen/openapi.json`: the document of every service with the version of package.json. Throws as {@link createDocument}. */
export function openapiText(): string {
  return `${JSON.stringify(createDocument([ConnectionService, ConnectionProfileService], packageJson), null, 2)}\n`;
}
