import { isIP } from "node:net";
import type { S3Config } from "../../../gen/connectory/v1/s3_config_pb.js";
import { urlTarget } from "../sdk/url.ts";

/** Returns the region and endpoint of a configuration. Defaults: `us-east-1`, and Amazon's endpoint of the region. */
export function s3Address(config: S3Config) {
  const region = config.region === "" ? "us-east-1" : config.region;
  const endpoint = config.endpoint === "" ? amazonEndpoint(region) : config.endpoint;
  return { region, endpoint };
}

/**
 * Returns true when the bucket's name belongs in the path: no wildcard certificate covers a name with dots, and an IP address
 * has no subdomains.
 */
export function isPathStyle({ forcePathStyle }: S3Config, endpoint: URL, bucket: string): boolean {
  return forcePathStyle || isIP(urlTarget(endpoint).host) !== 0 || bucket.includes(".");
}

/** Returns the address of requests about a bucket; an empty bucket means the service itself. */
export function bucketTarget(config: S3Config, bucket: string) {
  const url = new URL(s3Address(config).endpoint);
  const { host, port } = urlTarget(url);
  return { host: bucket === "" || isPathStyle(config, url, bucket) ? host : `${bucket}.${host}`, port };
}

/** Amazon's regions in China have endpoints in another domain. */
function amazonEndpoint(region: string): string {
  return `https://s3.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`;
}
