import type { S3Config } from "../../../gen/connectory/v1/s3_config_pb.js";
import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import { ProbeError } from "../sdk/connector.ts";
import { translateHttpError } from "../sdk/http/http-client.ts";

type Meaning = readonly [code: string, hint: string, field: string, stage?: TestStage];

const secretWrong: Meaning = ["PASSWORD_WRONG", "the service refused the secret access key", "secret_access_key"];
const tokenWrong: Meaning = ["PASSWORD_WRONG", "the service refused the session token", "session_token"];
const regionWrong: Meaning = [
  "REGION_WRONG",
  "the bucket or the service is in another region",
  "region",
  TestStage.CAPABILITY,
];
const unavailable: Meaning = [
  "UNAVAILABLE",
  "the service does not serve requests just now: try again",
  "endpoint",
  TestStage.CAPABILITY,
];

/** The meaning of the error codes of S3. */
const meanings: Readonly<Record<string, Meaning>> = {
  InvalidAccessKeyId: ["PASSWORD_WRONG", "the service does not know the access key", "access_key_id"],
  SignatureDoesNotMatch: secretWrong,
  InvalidToken: tokenWrong,
  ExpiredToken: ["TOKEN_EXPIRED", "the session token has expired: bring new credentials", "session_token"],
  RequestTimeTooSkewed: [
    "CLOCK_SKEWED",
    "the clocks of this server and the service are too far apart to sign requests",
    "endpoint",
  ],
  AccessDenied: [
    "PERMISSION_DENIED",
    "the access key may not list the bucket, or the buckets when none is given",
    "access_key_id",
    TestStage.AUTHORIZE,
  ],
  AllAccessDisabled: ["PERMISSION_DENIED", "the service has closed the bucket", "bucket", TestStage.AUTHORIZE],
  NoSuchBucket: ["BUCKET_UNKNOWN", "the service has no such bucket", "bucket", TestStage.CAPABILITY],
  InvalidBucketName: ["BUCKET_UNKNOWN", "the service does not take this name", "bucket", TestStage.CAPABILITY],
  PermanentRedirect: regionWrong,
  TemporaryRedirect: regionWrong,
  AuthorizationHeaderMalformed: regionWrong,
  IllegalLocationConstraintException: regionWrong,
  SlowDown: unavailable,
  ServiceUnavailable: unavailable,
  InternalError: unavailable,
};

/**
 * Returns the meaning of an error of Amazon's library; undefined for others. The codes come from the service; its texts are
 * never returned.
 */
export function translateS3Error(error: unknown, { endpoint }: S3Config): ProbeError | undefined {
  const urlField = endpoint === "" ? "region" : "endpoint";
  const transport = translateHttpError(error, urlField);
  if (transport !== undefined || !(error instanceof Error)) return transport;
  const meaning = Object.hasOwn(meanings, error.name) ? meanings[error.name] : undefined;
  if (meaning !== undefined) {
    const [code, hint, field, stage] = meaning;
    return new ProbeError(code, hint, field === "endpoint" ? urlField : field, stage);
  }
  // The library attaches the response to every parse error, also for a body without a code.
  return "$metadata" in error && "$response" in error ? notS3(urlField) : undefined;
}

/** Returns the failure for a server that is not S3. */
export function notS3(field: string): ProbeError {
  const hint = "what answers there is not an S3 service: check the endpoint";
  return new ProbeError("NOT_AN_S3_SERVICE", hint, field, TestStage.CAPABILITY);
}
