import { ListBucketsCommand, ListObjectsV2Command } from "@aws-sdk/client-s3";
import type { S3Config } from "../../../gen/connectory/v1/s3_config_pb.js";
import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import { type DiscoveredPage, type DiscoveryRequest, type Probe, ProbeError } from "../sdk/connector.ts";
import { members, parseJson } from "../sdk/parse-json.ts";
import { isBucketName } from "./s3-address.ts";
import { openSession, type S3Session } from "./session.ts";
import { notS3 } from "./translate-s3-error.ts";

type Resources = DiscoveredPage["resources"];

/** The maximum length of a cursor, in characters; the service chooses the length of its tokens. */
const maxCursor = 1000;

/**
 * Returns the buckets at the top level, or the configured one; below `bucket/` or `bucket/prefix/` the content of that folder,
 * with slashes as separators. Rejects with a ProbeError.
 */
export async function discoverS3(config: S3Config, probe: Probe, discovery: DiscoveryRequest): Promise<DiscoveredPage> {
  const [name = "", ...rest] = discovery.parent.split("/");
  const bucket = allowedBucket(config, name);
  const opened = await openSession(config, probe, bucket);
  try {
    return await probe.step(opened.step(TestStage.AUTHORIZE), async () => {
      if (bucket === "") return await listBuckets(opened, probe, discovery);
      if (name !== "") return await listObjects(opened, probe, { ...discovery, bucket, prefix: rest.join("/") });
      // The configured bucket is the only entry at the top level; one request shows whether it exists.
      await listObjects(opened, probe, { bucket, prefix: "", pageSize: 1, cursor: "" });
      return { resources: [bucketResource(bucket)], nextCursor: "" };
    });
  } finally {
    opened.close();
  }
}

/** Returns a valid bucket name, only the configured one if any: the name can become a part of the host name. */
function allowedBucket(config: S3Config, named: string): string {
  const { bucket } = config;
  if (named === "") return bucket;
  if (isBucketName(config, named) && (bucket === "" || bucket === named)) return named;
  throw new ProbeError("BUCKET_UNKNOWN", "the configuration is for another bucket", "bucket");
}

async function listBuckets(
  { client, step }: S3Session,
  { signal }: Probe,
  { pageSize, cursor }: DiscoveryRequest,
): Promise<DiscoveredPage> {
  const { token, skip } = readPosition(cursor);
  const answer = await client.send(
    new ListBucketsCommand({ MaxBuckets: pageSize, ...(token === "" ? {} : { ContinuationToken: token }) }),
    { abortSignal: signal },
  );
  if (answer.Buckets === undefined) throw notS3(step(TestStage.AUTHORIZE).field);
  // A service without pagination returns all buckets at once.
  const here = answer.Buckets.slice(skip, skip + pageSize);
  const more = skip + here.length < answer.Buckets.length;
  const next = answer.ContinuationToken ?? "";
  return {
    resources: here.map(({ Name = "" }) => bucketResource(Name)),
    nextCursor: more ? writePosition(token, skip + here.length) : writePosition(next === token ? "" : next, 0),
  };
}

async function listObjects(
  { client, step }: S3Session,
  { signal }: Pick<Probe, "signal">,
  { bucket, prefix, pageSize, cursor }: Omit<DiscoveryRequest, "parent"> & { bucket: string; prefix: string },
): Promise<DiscoveredPage> {
  const { token } = readPosition(cursor);
  const answer = await client.send(
    new ListObjectsV2Command({
      Bucket: bucket,
      Prefix: prefix,
      Delimiter: "/",
      MaxKeys: Math.min(pageSize, 1000),
      ...(token === "" ? {} : { ContinuationToken: token }),
    }),
    { abortSignal: signal },
  );
  if (answer.Name === undefined) throw notS3(step(TestStage.AUTHORIZE).field);
  const folders: Resources = (answer.CommonPrefixes ?? []).map(({ Prefix = "" }) => ({
    kind: "prefix",
    name: `${bucket}/${Prefix}`,
    container: true,
  }));
  // An object with the name of its folder represents the folder itself.
  const objects: Resources = (answer.Contents ?? [])
    .filter(({ Key }) => Key !== prefix)
    .map(({ Key = "", Size, LastModified }) => ({
      kind: "object",
      name: `${bucket}/${Key}`,
      container: false,
      facts: {
        ...(Size === undefined ? {} : { size: String(Size) }),
        ...(LastModified === undefined ? {} : { last_modified: LastModified.toISOString() }),
      },
    }));
  const next = answer.IsTruncated === true ? (answer.NextContinuationToken ?? "") : "";
  return {
    resources: [...folders, ...objects].slice(0, pageSize),
    nextCursor: writePosition(next === token ? "" : next, 0),
  };
}

function bucketResource(bucket: string) {
  return { kind: "bucket", name: `${bucket}/`, container: true };
}

function readPosition(cursor: string): { token: string; skip: number } {
  const { token, skip } = members(parseJson(cursor));
  return { token: typeof token === "string" ? token : "", skip: typeof skip === "number" ? skip : 0 };
}

function writePosition(token: string, skip: number): string {
  const cursor = token === "" && skip === 0 ? "" : JSON.stringify({ token, skip });
  if (cursor.length <= maxCursor) return cursor;
  throw new ProbeError("CURSOR_TOO_LONG", "the service's page tokens are too long to go on with", "bucket");
}
