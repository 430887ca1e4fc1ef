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
 * Returns true when the bucket's name belongs in the path: no wildcard certificate covers a name with dots, other names are no
 * part of a host name, and an IP address has no subdomains.
 */
export function isPathStyle({ forcePathStyle }: S3Config, endpoint: URL, bucket: string): boolean {
  const fitsHost = bucket === "" || /^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$/.test(bucket);
  return forcePathStyle || isIP(urlTarget(endpoint).host) !== 0 || !fitsHost;
}

/**
 * Returns true for a bucket's name that the service can have: Amazon's rules without an endpoint; other services take further
 * characters. No name is an ARN, which the library would send elsewhere.
 */
export function isBucketName({ endpoint }: Pick<S3Config, "endpoint">, name: string): boolean {
  if (endpoint === "") return /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name);
  return /^[A-Za-z0-9][A-Za-z0-9._:-]{0,254}$/.test(name) && !name.toLowerCase().startsWith("arn:");
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
