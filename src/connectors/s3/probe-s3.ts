import { HeadBucketCommand, ListBucketsCommand, ListObjectsV2Command } from "@aws-sdk/client-s3";
import type { S3Config } from "../../../gen/connectory/v1/s3_config_pb.js";
import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import type { Probe } from "../sdk/connector.ts";
import { passwordInClear } from "../sdk/http/http-auth.ts";
import { s3Address } from "./s3-address.ts";
import { openSession } from "./session.ts";
import { notS3 } from "./translate-s3-error.ts";

/**
 * Lists one object of the bucket, or the buckets when none is configured, which tests log-in and permission; changes nothing.
 * HEAD follows for the bucket's region; not every service and proxy implements it, so its refusal is not a failure. Rejects with
 * a ProbeError.
 */
export async function probeS3(config: S3Config, probe: Probe): Promise<void> {
  const { bucket: Bucket, sessionToken } = config;
  const { client, step, close } = await openSession(config, probe, Bucket);
  const options = { abortSignal: probe.signal };
  // Requests are signed and the secret key is not sent; a session token is.
  const warning = passwordInClear(new URL(s3Address(config).endpoint), sessionToken !== "");
  try {
    await probe.step({ ...step(TestStage.AUTHENTICATE), warning }, async () => {
      if (Bucket === "") {
        const { Buckets } = await client.send(new ListBucketsCommand({}), options);
        if (Buckets === undefined) throw notS3(step(TestStage.AUTHENTICATE).field);
        probe.fact("buckets", String(Buckets.length));
      } else {
        const { Name } = await client.send(new ListObjectsV2Command({ Bucket, MaxKeys: 1 }), options);
        if (Name === undefined) throw notS3(step(TestStage.AUTHENTICATE).field);
      }
    });
    await probe.step(step(TestStage.AUTHORIZE), async () => {});
    await probe.step(step(TestStage.CAPABILITY), async () => {
      if (Bucket === "") return;
      const patience = AbortSignal.any([probe.signal, AbortSignal.timeout(Math.ceil(probe.deadlineMs / 3))]);
      const head = await client
        .send(new HeadBucketCommand({ Bucket }), { abortSignal: patience })
        .catch(() => undefined);
      if (head?.BucketRegion !== undefined) probe.fact("bucket_region", head.BucketRegion);
    });
  } finally {
    close();
  }
}
