import { setImmediate } from "node:timers/promises";
import type { Registry } from "@bufbuild/protobuf";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { type ConnectError, type ContextKey, createContextKey, type HandlerContext } from "@connectrpc/connect";
import type { Compression } from "@connectrpc/connect/protocol";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { principalKey } from "../../auth/principal.ts";
import { ApiError } from "../../errors/api-error.ts";
import { toConnectError } from "../../interceptors/map-errors.ts";
import { requestIdHeader, requestIdKey } from "../../interceptors/request-id.ts";
import type { ArrivingRequest } from "../admission/arriving-request.ts";
import { decodeJson } from "../dispatch/decode-json.ts";
import { checkRequestBytes, checkRequestJson, jsonBounds } from "../request-limits/check-request.ts";
import { bufferedBodyKey } from "./buffered-body.ts";

const compressions: readonly Compression[] = [compressionGzip, compressionBrotli];

/** Bytes of an envelope before its message: flags, and the length in four bytes. */
const envelopeHead = 5;
const compressedFlag = 1;

/** The limits and types of the check. */
export interface BodyOptions {
  /** The maximum size of the decompressed message in bytes. */
  readonly maxBytes: number;
  /** The message types that a `google.protobuf.Any` may hold. */
  readonly anyTypes: Registry;
}

/**
 * Explains why the message of a call cannot be decoded, with the names of the fields and without their values; returns undefined
 * when it can be decoded. Set for JSON only: errors in binary messages have no explanation.
 */
export const explainMessageKey: ContextKey<(() => ApiError | undefined) | undefined> = createContextKey<
  (() => ApiError | undefined) | undefined
>(undefined, { description: "explains the message" });

/** The limits of the request with the body; undefined without a body. */
export const arrivingKey: ContextKey<ArrivingRequest | undefined> = createContextKey<ArrivingRequest | undefined>(
  undefined,
  { description: "arriving request" },
);

/** Bytes. After a check of a longer message, other work runs before the message is decoded. */
const longBytes = 65_536;

/**
 * Checks the size of the message of a call of Connect's handlers against its rules. Rejects with the ConnectError of an ApiError
 * (MESSAGE_TOO_LARGE, FIELD_INVALID, MESSAGE_MALFORMED or QUEUE_FULL, for example). The handlers decode the message;
 * `explainMessageKey`, set here, explains an error of theirs.
 */
export async function checkBody(context: HandlerContext, { maxBytes, anyTypes }: BodyOptions): Promise<void> {
  try {
    const { values } = context;
    values.get(arrivingKey)?.admit(values.get(principalKey).organizationId);
    const message = await (context.requestMethod === "GET"
      ? fromQuery(context, maxBytes)
      : fromBody(context, maxBytes));
    if (message === undefined) return;
    check(context, message, anyTypes);
    if (message.bytes.length > longBytes) await setImmediate();
  } catch (error) {
    throw error instanceof ApiError ? asConnectError(error, context.values.get(requestIdKey)) : error;
  }
}

function asConnectError(failure: ApiError, requestId: string): ConnectError {
  const error = toConnectError(failure, requestId);
  error.metadata.set(requestIdHeader, requestId);
  return error;
}

interface SentMessage {
  readonly bytes: Uint8Array;
  readonly isJson: boolean;
}

const utf8 = new TextDecoder();

function check(
  { method: { input }, values }: HandlerContext,
  { bytes, isJson }: SentMessage,
  anyTypes: Registry,
): void {
  if (!isJson) {
    checkRequestBytes(input, bytes);
    return;
  }
  const text = utf8.decode(bytes);
  checkRequestJson(jsonBounds(input), text);
  values.set(explainMessageKey, () => {
    try {
      decodeJson(input, text, anyTypes);
      return undefined;
    } catch (error) {
      if (error instanceof ApiError) return error;
      throw error;
    }
  });
}

async function fromBody(context: HandlerContext, maxBytes: number): Promise<SentMessage | undefined> {
  const { requestHeader: header, values, protocolName } = context;
  const type = header.get("content-type") ?? "";
  const isJson = /\bjson\b/i.test(type);
  const isEnveloped = protocolName !== "connect" || type.startsWith("application/connect+");
  const max = maxBytes + (isEnveloped ? envelopeHead : 0);
  const encoding = header.get(encodingHeader(protocolName, isEnveloped)) ?? "identity";
  // A body with a larger content-length is not read: its caller may wait for 100 Continue.
  if (Number(header.get("content-length") ?? 0) > max || !isKnown(encoding)) return undefined;
  const body = await values.get(bufferedBodyKey)?.read(max);
  if (body === undefined) return undefined;
  const options = { isJson, maxBytes, arriving: values.get(arrivingKey) };
  if (!isEnveloped) return message(body, encoding, options);
  const only = onlyMessage(body);
  if (only === undefined || (only.isCompressed && encoding === "identity")) return undefined;
  return message(only.bytes, only.isCompressed ? encoding : "identity", options);
}

function encodingHeader(protocolName: string, isEnveloped: boolean): string {
  if (protocolName !== "connect") return "grpc-encoding";
  return isEnveloped ? "connect-content-encoding" : "content-encoding";
}

function isKnown(encoding: string): boolean {
  return encoding === "identity" || compressions.some(({ name }) => name === encoding);
}

/** Returns the message of a body of exactly one envelope; undefined for any other. */
function onlyMessage(body: Uint8Array): { bytes: Uint8Array; isCompressed: boolean } | undefined {
  if (body.length < envelopeHead) return undefined;
  const { buffer, byteOffset } = body;
  const length = new DataView(buffer, byteOffset).getUint32(1);
  if (body.length !== envelopeHead + length) return undefined;
  return { bytes: body.subarray(envelopeHead), isCompressed: ((body[0] ?? 0) & compressedFlag) !== 0 };
}

async function fromQuery({ url, values }: HandlerContext, maxBytes: number): Promise<SentMessage | undefined> {
  const query = new URL(url).searchParams;
  const sent = query.get("message") ?? "";
  return message(
    query.get("base64") === "1" ? readBase64(sent) : new TextEncoder().encode(sent),
    query.get("compression") ?? "identity",
    { isJson: query.get("encoding") === "json", maxBytes, arriving: values.get(arrivingKey) },
  );
}

function readBase64(text: string): Uint8Array {
  try {
    return base64Decode(text);
  } catch {
    throw new ApiError(ErrorReason.MESSAGE_MALFORMED, "message: not base64");
  }
}

/** Decompresses a message; returns undefined when that fails. */
async function message(
  bytes: Uint8Array,
  encoding: string,
  { isJson, maxBytes, arriving }: { isJson: boolean; maxBytes: number; arriving: ArrivingRequest | undefined },
): Promise<SentMessage | undefined> {
  if (encoding === "identity") return { bytes, isJson };
  const compression = compressions.find(({ name }) => name === encoding);
  const decompress = async () => compression?.decompress(bytes, maxBytes).catch(() => undefined);
  const plain = await (arriving === undefined ? decompress() : arriving.inflate(bytes.length, decompress));
  return plain === undefined ? undefined : { bytes: plain, isJson };
}
