import { setImmediate } from "node:timers/promises";
import type { Registry } from "@bufbuild/protobuf";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { type ConnectError, type ContextKey, createContextKey, type HandlerContext } from "@connectrpc/connect";
import type { Compression } from "@connectrpc/connect/protocol";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import { principalKey } from "../../auth/principal.ts";
import { ApiError } from "../../errors/api-error.ts";
import { renameErrorKey } from "../../interceptors/call/rename-error.ts";
import { toConnectError } from "../../interceptors/map-errors.ts";
import { requestIdHeader, requestIdKey } from "../../interceptors/request-id.ts";
import type { ArrivingRequest } from "../admission/arriving-request.ts";
import { decodeJson } from "../json/decode-json.ts";
import type { RejectMember, RequestForm } from "../json/normalize-json.ts";
import { parseJson } from "../json/parse-json.ts";
import { useCallerNames } from "../problem-details/caller-names.ts";
import { checkRequestBytes, checkRequestJson, jsonBounds, messageTooLarge } from "../request-limits/check-request.ts";
import { bufferedBodyKey } from "./buffered-body.ts";
import { emptyBody, hiddenLengthKey, jsonMessageKey } from "./json-message.ts";

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
  readonly rejectMember: RejectMember;
}

/** The limits of the request with the body; undefined without a body. */
export const arrivingKey: ContextKey<ArrivingRequest | undefined> = createContextKey<ArrivingRequest | undefined>(
  undefined,
  { description: "arriving request" },
);

/** Bytes. After a check of a longer message, other work runs before the message is decoded. */
const longBytes = 65_536;

/**
 * Checks the size of the message of a call of Connect's handlers against its rules, and decodes it when it is JSON
 * (`jsonMessageKey`); the handlers decode binary ones. Rejects with the ConnectError of an ApiError (MESSAGE_TOO_LARGE,
 * FIELD_INVALID, MESSAGE_MALFORMED or QUEUE_FULL, for example).
 */
export async function checkBody(context: HandlerContext, options: BodyOptions): Promise<void> {
  try {
    const { values } = context;
    values.get(arrivingKey)?.admit(values.get(principalKey).organizationId);
    const message = await (context.requestMethod === "GET"
      ? fromQuery(context, options.maxBytes)
      : fromBody(context, options.maxBytes));
    if (message === undefined) return;
    check(context, message, options);
    if (message.bytes.length > longBytes) await setImmediate();
  } catch (error) {
    throw error instanceof ApiError ? asConnectError(error, context) : error;
  }
}

function asConnectError(failure: ApiError, { values, method }: HandlerContext): ConnectError {
  const requestId = values.get(requestIdKey);
  const error = values.get(renameErrorKey)(toConnectError(failure, requestId), method.input);
  error.metadata.set(requestIdHeader, requestId);
  return error;
}

interface SentMessage {
  readonly bytes: Uint8Array;
  readonly isJson: boolean;
  /** Leaves an empty object for Connect in place of the message; undefined for a message in the query. */
  readonly release?: () => void;
}

const utf8 = new TextDecoder();

function check(context: HandlerContext, { bytes, isJson, release }: SentMessage, options: BodyOptions): void {
  const { input } = context.method;
  if (!isJson) {
    checkRequestBytes(input, bytes);
    return;
  }
  const form: RequestForm = { wrapped: true };
  context.values.set(renameErrorKey, (error, about) => useCallerNames(error, about, { names: "json", ...form }));
  const text = utf8.decode(bytes);
  checkRequestJson(jsonBounds(input), text);
  const { rejectMember, anyTypes: registry } = options;
  context.values.set(
    jsonMessageKey,
    decodeJson(input, parseJson(text, release === undefined ? "the message" : "the body"), {
      form,
      rejectMember,
      registry,
    }),
  );
  release?.();
}

async function fromBody(context: HandlerContext, maxBytes: number): Promise<SentMessage | undefined> {
  const { requestHeader: header, values, protocolName } = context;
  const type = header.get("content-type") ?? "";
  const isJson = /\bjson\b/i.test(type);
  const isEnveloped = protocolName !== "connect" || type.startsWith("application/connect+");
  const max = maxBytes + (isEnveloped ? envelopeHead : 0);
  const encoding = header.get(encodingHeader(protocolName, isEnveloped)) ?? "identity";
  // A body with a larger content-length is not read: its caller may wait for 100 Continue.
  if ((values.get(hiddenLengthKey) ?? 0) > max) throw messageTooLarge(maxBytes);
  if (Number(header.get("content-length") ?? 0) > max || !isKnown(encoding)) return undefined;
  const buffered = values.get(bufferedBodyKey);
  const body = await buffered?.read(max);
  if (body === undefined) return undefined;
  const release = () => buffered?.replace(emptyBody(encoding, isEnveloped));
  const options = { isJson, release, maxBytes, arriving: values.get(arrivingKey) };
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
  {
    maxBytes,
    arriving,
    ...rest
  }: Omit<SentMessage, "bytes"> & {
    maxBytes: number;
    arriving: ArrivingRequest | undefined;
  },
): Promise<SentMessage | undefined> {
  if (encoding === "identity") return { bytes, ...rest };
  const compression = compressions.find(({ name }) => name === encoding);
  const decompress = async () => compression?.decompress(bytes, maxBytes).catch(() => undefined);
  const plain = await (arriving === undefined ? decompress() : arriving.inflate(bytes.length, decompress));
  return plain === undefined ? undefined : { bytes: plain, ...rest };
}
