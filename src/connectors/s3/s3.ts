import { type S3Config, S3ConfigSchema } from "../../../gen/connectory/v1/s3_config_pb.js";
import type { FieldViolation } from "../../errors/api-error.ts";
import type { Connector } from "../sdk/connector.ts";
import { validateToken } from "../sdk/http/http-auth.ts";
import { withoutQuery } from "../sdk/url.ts";
import { validateUrlTls } from "../sdk/url-tls.ts";
import { validateUrl } from "../sdk/validate-url.ts";
import { bucketTarget, isBucketName, s3Address } from "./s3-address.ts";

/** A connector for object storage with the S3 protocol. */
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
  validate: (config) => [
    ...validateUrl("endpoint", config.endpoint, ["http", "https"]),
    ...checkQuery(config.endpoint),
    ...checkNames(config),
    ...validateToken("access_key_id", config.accessKeyId),
    ...validateToken("secret_access_key", config.secretAccessKey),
    ...validateToken("session_token", config.sessionToken),
    ...validateUrlTls(s3Address(config).endpoint, config.tls),
  ],
  test: async (config, probe) => (await import("./probe-s3.ts")).probeS3(config, probe),
  discover: async (config, probe, discovery) => (await import("./discover-s3.ts")).discoverS3(config, probe, discovery),
};

/** Amazon's endpoint is made from the region; any other service has names of its own. */
function checkNames({ endpoint, region, bucket }: S3Config): readonly FieldViolation[] {
  const violations: FieldViolation[] = [];
  if (endpoint === "" && !/^([a-z0-9-]{1,64})?$/.test(region))
    violations.push({
      field: "region",
      description: "must be a region of Amazon, such as eu-central-1, or come with the endpoint of another service",
    });
  if (bucket !== "" && !isBucketName({ endpoint }, bucket))
    violations.push({
      field: "bucket",
      description:
        endpoint === ""
          ? "must be a name of 3 to 63 lower case letters, digits, hyphens and dots, or come with the endpoint of another service"
          : "must be the name of a bucket, not an ARN",
    });
  return violations;
}

function checkQuery(endpoint: string): readonly FieldViolation[] {
  if ((URL.parse(endpoint)?.search ?? "") === "") return [];
  return [{ field: "endpoint", description: "must not have a query" }];
}
