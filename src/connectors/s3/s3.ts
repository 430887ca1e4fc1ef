import { type S3Config, S3ConfigSchema } from "../../../gen/connectory/v1/s3_config_pb.js";
import type { FieldViolation } from "../../failure.ts";
import { checkUrl } from "../check-url.ts";
import type { Connector } from "../connector.ts";
import { checkToken } from "../http-authorization.ts";
import { withoutQuery } from "../url-target.ts";
import { checkUrlTls } from "../url-tls.ts";
import { bucketTarget, s3Address } from "./s3-address.ts";

/** Object storage. */
export const s3: Connector<S3Config> = {
  id: "s3",
  name: "S3",
  description: "Object storage",
  source: true,
  sink: true,
  config: S3ConfigSchema,
  describe: (config) => {
    const service = withoutQuery(s3Address(config).endpoint).replace(/\/+$/, "");
    return config.bucket === "" ? service : `${service}/${config.bucket}`;
  },
  endpoints: (config) => (URL.canParse(s3Address(config).endpoint) ? [bucketTarget(config, config.bucket)] : []),
  check: (config) => [
    ...checkUrl("endpoint", config.endpoint, ["http", "https"]),
    ...checkQuery(config.endpoint),
    ...checkToken("access_key_id", config.accessKeyId),
    ...checkToken("secret_access_key", config.secretAccessKey),
    ...checkToken("session_token", config.sessionToken),
    ...checkUrlTls(s3Address(config).endpoint, config.tls),
  ],
  test: async (config, probe) => (await import("./test-s3.ts")).testS3(config, probe),
  discover: async (config, probe, question) => (await import("./discover-s3.ts")).discoverS3(config, probe, question),
};

function checkQuery(endpoint: string): readonly FieldViolation[] {
  if ((URL.parse(endpoint)?.search ?? "") === "") return [];
  return [{ field: "endpoint", description: "must not have a query" }];
}
