import type { Readable } from "node:stream";
import { S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import { Hash } from "@smithy/core/serde";
import { SignatureV4 } from "@smithy/signature-v4";
import type { S3Config } from "../../../gen/connectory/v1/s3_config_pb.js";
import type { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import { endpointName, type Probe, type Step } from "../sdk/connector.ts";
import { createHttpAgent } from "../sdk/http/http-agent.ts";
import { urlTls } from "../sdk/url-tls.ts";
import { bucketTarget, isPathStyle, s3Address } from "./s3-address.ts";
import { translateS3Error } from "./translate-s3-error.ts";

/** A client of Amazon's library over an open connection. */
export interface S3Session {
  readonly client: S3Client;
  /** Returns a test step at the address of the bucket. */
  step(stage: TestStage): Step;
  close(): void;
}

/** The maximum size of a response, in bytes. A listing has at most a thousand keys of a thousand bytes. */
const maxBodyBytes = 4 * 1024 * 1024;

/** Connects to the address of requests about the bucket, or to the service when it is empty. Rejects with a ProbeError. */
export async function openSession(config: S3Config, probe: Probe, bucket: string): Promise<S3Session> {
  const { endpoint } = s3Address(config);
  const url = new URL(endpoint);
  const target = bucketTarget(config, bucket);
  const options = { field: config.endpoint === "" ? "region" : "endpoint", tls: urlTls(url, config.tls) };
  const socket = await probe.open({ ...target, ...options });
  const agent = createHttpAgent(probe, { ...options, first: { ...target, socket } });
  const client = new S3Client({ ...settings(config, bucket), requestHandler: { httpAgent: agent, httpsAgent: agent } });
  return {
    client,
    step: (stage) => ({
      stage,
      endpoint: endpointName(target),
      field: options.field,
      translate: (error) => translateS3Error(error, config),
    }),
    close: () => {
      client.destroy();
      agent.destroy();
      socket.destroy();
    },
  };
}

/** Sets each value that the library would otherwise read from AWS_* variables, ~/.aws or the metadata service. */
function settings(config: S3Config, bucket: string): S3ClientConfig {
  const { region, endpoint } = s3Address(config);
  const { accessKeyId, secretAccessKey, sessionToken } = config;
  const credentials = { accessKeyId, secretAccessKey, ...(sessionToken === "" ? {} : { sessionToken }) };
  const signature = new SignatureV4({
    service: "s3",
    region,
    credentials,
    sha256: Hash.bind(null, "sha256"),
    uriEscapePath: false,
  });
  return {
    endpoint,
    // The library takes Amazon's regions alone, and needs one only where it makes the endpoint.
    region: config.endpoint === "" ? region : "us-east-1",
    // Signs with the region as it is written, whatever the library made of it.
    signer: { sign: (request, options) => signature.sign(request, { ...options, signingRegion: region }) },
    credentials,
    forcePathStyle: isPathStyle(config, new URL(endpoint), bucket),
    followRegionRedirects: false,
    disableClockSkewCorrection: true,
    maxAttempts: 1,
    retryMode: "standard",
    defaultsMode: "legacy",
    useArnRegion: false,
    useDualstackEndpoint: false,
    useFipsEndpoint: false,
    disableMultiregionAccessPoints: true,
    disableS3ExpressSessionAuth: true,
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    authSchemePreference: ["aws.auth#sigv4"],
    sigv4aSigningRegionSet: [region],
    userAgentAppId: async () => undefined,
    defaultUserAgentProvider: async () => [["connectory", "1"]],
    credentialDefaultProvider: () => async () => ({ accessKeyId, secretAccessKey }),
    streamCollector: collectBounded,
  };
}

/** The library would read a response of any length. */
async function collectBounded(body: Readable): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBodyBytes) throw Object.assign(new Error("too much data"), { code: "ERR_TOO_MUCH_DATA" });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
