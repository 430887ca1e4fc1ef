import { isIP } from "node:net";
import type { S3Config } from "../../../gen/connectory/v1/s3_config_pb.js";
import { urlTarget } from "../sdk/url.ts";

/** Where a configuration points to, with the region and the endpoint that are meant when none is given. */
export function s3Address(config: S3Config) {
  const region = config.region === "" ? "us-east-1" : config.region;
  const endpoint = config.endpoint === "" ? amazonEndpoint(region) : config.endpoint;
  return { region, endpoint };
}

/** True when a bucket's name goes into the path: a name with dots has no certificate, and an address no names below it. */
export function isPathStyle({ forcePathStyle }: S3Config, endpoint: URL, bucket: string): boolean {
  return forcePathStyle || isIP(urlTarget(endpoint).host) !== 0 || bucket.includes(".");
}

/** The address that requests about a bucket go to; an empty bucket is the service itself. */
export function bucketTarget(config: S3Config, bucket: string) {
  const url = new URL(s3Address(config).endpoint);
  const { host, port } = urlTarget(url);
  return { host: bucket === "" || isPathStyle(config, url, bucket) ? host : `${bucket}.${host}`, port };
}

/** Amazon names the endpoints of its regions in China below another domain. */
function amazonEndpoint(region: string): string {
  return `https://s3.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`;
}
