import type { IncomingMessage } from "node:http";
import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate, type ZlibOptions } from "node:zlib";
import { ErrorReason } from "../../../../gen/connectory/v1/error_reason_pb.js";
import { ApiError } from "../../../errors/api-error.ts";
import { type ArrivingRequest, arrivingRequestOf } from "../../admission/arriving-request.ts";
import { HttpError } from "../../problem-details/http-error.ts";

/** Milliseconds for a body to arrive. */
const arrivalTimeoutMs = 60_000;

type Decompress = (bytes: Buffer, options: ZlibOptions) => Promise<Buffer>;
const decoders: Readonly<Record<string, Decompress>> = {
  gzip: promisify<Buffer, ZlibOptions, Buffer>(gunzip),
  "x-gzip": promisify<Buffer, ZlibOptions, Buffer>(gunzip),
  deflate: promisify<Buffer, ZlibOptions, Buffer>(inflate),
  br: promisify<Buffer, ZlibOptions, Buffer>(brotliDecompress),
};

/**
 * Returns the decompressed JSON text of a request; empty without a body. `maxBytes` limits the compressed and the decompressed
 * size. Throws HttpError, or ApiError MESSAGE_MALFORMED when it cannot be decompressed or is not UTF-8, or the ApiError of an
 * exceeded limit.
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<string> {
  const encoding = (request.headers["content-encoding"] ?? "identity").trim().toLowerCase();
  const decoder = Object.hasOwn(decoders, encoding) ? decoders[encoding] : undefined;
  if (decoder === undefined && encoding !== "identity")
    throw new HttpError("CONTENT_ENCODING_UNSUPPORTED", "content-encoding must be gzip, br, deflate or identity", {
      "accept-encoding": "gzip, br, deflate",
    });
  const arriving = arrivingRequestOf(request);
  const receiving = receive(request, maxBytes);
  const sent = await (arriving?.receive(receiving) ?? receiving);
  if (sent.length === 0) return "";
  checkType(request.headers["content-type"] ?? "");
  const bytes = await unpacked(decoder, sent, maxBytes, arriving);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw malformed("the body is not UTF-8");
  }
}

async function unpacked(
  decoder: Decompress | undefined,
  sent: Buffer,
  maxBytes: number,
  arriving: ArrivingRequest | undefined,
): Promise<Buffer> {
  if (decoder === undefined) return sent;
  const run = () => decompress(decoder, sent, maxBytes);
  return arriving === undefined ? run() : arriving.inflate(sent.length, run);
}

function checkType(type: string): void {
  const [media = "", ...parameters] = type
    .toLowerCase()
    .split(";")
    .map((part) => part.trim());
  // Not a regular expression: one for trailing blanks takes quadratic time on many blanks.
  const charset = parameters.find((parameter) => parameter.startsWith("charset="))?.slice("charset=".length);
  const isUtf8 = charset === undefined || ["utf-8", '"utf-8"', "", '""'].includes(charset);
  if (media === "application/json" && isUtf8) return;
  throw new HttpError(
    "CONTENT_TYPE_UNSUPPORTED",
    "the body must be JSON: send it with the header `content-type: application/json`",
  );
}

function receive(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  if (Number(request.headers["content-length"] ?? 0) > maxBytes) return Promise.reject(tooLarge(maxBytes));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const late = setTimeout(() => {
      request.pause();
      const detail = `the body did not arrive within ${arrivalTimeoutMs / 1000} seconds`;
      reject(new HttpError("REQUEST_TOO_SLOW", detail));
    }, arrivalTimeoutMs);
    request.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length <= maxBytes) chunks.push(chunk);
      else {
        request.pause(); // the response is sent first, then the connection ends
        reject(tooLarge(maxBytes));
      }
    });
    // HTTP/2 ends a truncated body like a complete one.
    request.on("end", () => (request.aborted ? reject(left()) : resolve(Buffer.concat(chunks))));
    request.on("error", reject);
    request.on("close", () => {
      clearTimeout(late);
      reject(left());
    });
  });
}

function left(): Error {
  return new Error("the caller left before its body was complete");
}

async function decompress(decoder: Decompress, bytes: Buffer, maxBytes: number): Promise<Buffer> {
  try {
    return await decoder(bytes, { maxOutputLength: maxBytes });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw code === "ERR_BUFFER_TOO_LARGE" ? tooLarge(maxBytes) : malformed("the body cannot be decompressed");
  }
}

function tooLarge(maxBytes: number): HttpError {
  const detail = `the body has more than ${maxBytes} bytes, decompressed`;
  return new HttpError("BODY_TOO_LARGE", detail);
}

function malformed(message: string): ApiError {
  return new ApiError(ErrorReason.MESSAGE_MALFORMED, message);
}
