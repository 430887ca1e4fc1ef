import { randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";

/** Just below the 4 MB that a message may have. */
const messageBytes = 4_190_000;

/** A message of two million empty pairs. */
export const emptyPairs = Buffer.from("0a00".repeat(messageBytes / 2), "hex");
export const emptyPairsGzip = gzipSync(emptyPairs);
export const emptyPairsJson = `{"pairs":[${Array(Math.floor(messageBytes / 3) - 10)
  .fill("{}")
  .join()}]}`;

/** JSON with more keys than anybody has. */
export const unknownKeysJson = `{${Array.from({ length: 300_000 }, (_, index) => `"k${index}":1`).join()}}`;

/** A message as gRPC, gRPC-Web and Connect's streams frame it. */
export function frame(bytes: Uint8Array, compressed: boolean): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(compressed ? 1 : 0, 0);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

const der = (tag: number, ...content: Uint8Array[]): Buffer => {
  const body = Buffer.concat(content);
  const length =
    body.length < 128 ? Buffer.from([body.length]) : Buffer.from([0x82, body.length >> 8, body.length & 255]);
  return Buffer.concat([Buffer.from([tag]), length, body]);
};
const oid = (hex: string) => der(6, Buffer.from(hex, "hex"));

/** An encrypted PKCS#8 key that takes 20 million iterations of PBKDF2 to find out that the password is wrong. */
export function slowKey(): string {
  const iterations = der(2, Buffer.from("01312d00", "hex"));
  const hmac = der(0x30, oid("2a864886f70d0209"), Buffer.from("0500", "hex"));
  const pbkdf2 = der(0x30, oid("2a864886f70d01050c"), der(0x30, der(4, randomBytes(16)), iterations, hmac));
  const cipher = der(0x30, oid("60864801650304012a"), der(4, randomBytes(16)));
  const algorithm = der(0x30, oid("2a864886f70d01050d"), der(0x30, pbkdf2, cipher));
  const text = der(0x30, algorithm, der(4, randomBytes(1216)))
    .toString("base64")
    .replaceAll(/(.{64})/g, "$1\n");
  return `-----BEGIN ENCRYPTED PRIVATE KEY-----\n${text}\n-----END ENCRYPTED PRIVATE KEY-----\n`;
}
