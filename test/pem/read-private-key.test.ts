import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { readPrivateKey } from "../../src/pem/read-private-key.ts";
import { pem } from "../connectors/local-server.ts";
import { der, integer, objectId, pemBlock } from "../support/make-certificate.ts";

const ec = generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey;
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
const text = (key: KeyObject, type: "pkcs8" | "pkcs1" | "sec1") => String(key.export({ type, format: "pem" }));
const sect = text(generateKeyPairSync("ec", { namedCurve: "sect571r1" }).privateKey, "sec1");
const zero = der(2, Buffer.of(0));

const curveName = pemBlock("EC PARAMETERS", objectId("2b81040022"));

function faultOf(text: string): string {
  const read = readPrivateKey(text);
  return "fault" in read ? read.fault : "none";
}

test.each<readonly [string, string, KeyObject]>([
  ["EC", text(ec, "pkcs8"), ec],
  ["EC as of RFC 5915", text(ec, "sec1"), ec],
  ["EC as openssl ecparam writes it", curveName + text(ec, "sec1"), ec],
  ["RSA", text(rsa, "pkcs8"), rsa],
  ["RSA as of PKCS #1", text(rsa, "pkcs1"), rsa],
  ["a key behind its certificate", pem("client") + pem("client-key"), createPrivateKey(pem("client-key"))],
  ...(["ed25519", "ed448", "ml-dsa-44", "ml-dsa-87"] as const).map((kind) => {
    const { privateKey } = generateKeyPairSync(kind as "ed25519");
    return [kind, text(privateKey, "pkcs8"), privateKey] as const;
  }),
])("reads %s", (_, text, key) => {
  const read = readPrivateKey(text);
  expect("key" in read ? read.key.equals(key) : read.fault).toBe(true);
});

/** PKCS #8 around a key of an algorithm. */
const wrapped = (algorithm: Buffer, key: Buffer) => pemBlock("PRIVATE KEY", der(0x30, zero, algorithm, der(4, key)));
const large = integer(randomBytes(1200));
const dsa = wrapped(der(0x30, objectId("2a8648ce380401"), der(0x30, large, large, large)), large);
const dh = wrapped(der(0x30, objectId("2a864886f70d010301"), der(0x30, large, large)), large);
const explicitCurve = der(0x30, objectId("2a8648ce3d0201"), der(0x30, der(2, Buffer.of(1)), large));
/** What takes 10 s to decrypt, with 20 million rounds: an honest one, so that whoever tries it does it for that long. */
const slow = der(
  0x30,
  objectId("2a864886f70d01050d"),
  der(
    0x30,
    der(
      0x30,
      objectId("2a864886f70d01050c"),
      der(0x30, der(4, randomBytes(16)), der(2, Buffer.from("01312d00", "hex"))),
    ),
    der(0x30, objectId("60864801650304012a"), der(4, randomBytes(16))),
  ),
);
const encrypted = der(0x30, slow, der(4, randomBytes(144)));

test.each([
  ["PKCS #8, encrypted", pemBlock("ENCRYPTED PRIVATE KEY", encrypted), "is encrypted with a passphrase"],
  ["the same under the label of one in clear", pemBlock("PRIVATE KEY", encrypted), "has a key that TLS does not use"],
  [
    "encrypted in OpenSSL's old way",
    String(ec.export({ type: "sec1", format: "pem", cipher: "aes-128-cbc", passphrase: "p" })),
    "is encrypted with a passphrase",
  ],
  ["an encrypted one that is spoilt", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAA", "is encrypted with a passphrase"],
  ["a curve that TLS does not have", sect, "has a key that TLS does not use"],
  ["one in clear and one encrypted", text(ec, "pkcs8") + pemBlock("ENCRYPTED PRIVATE KEY", encrypted), "is encrypted"],
  ["DSA", dsa, "has a key that TLS does not use"],
  ["DSA in its own form", pemBlock("DSA PRIVATE KEY", der(0x30, zero, large)), "has a key that TLS does not use"],
  ["Diffie-Hellman", dh, "has a key that TLS does not use"],
  ["a curve by its numbers", wrapped(explicitCurve, Buffer.of(4)), "has a key that TLS does not use"],
  ["two keys", text(ec, "pkcs8") + text(rsa, "pkcs8"), "holds several private keys"],
  ["OpenSSH's form", pemBlock("OPENSSH PRIVATE KEY", randomBytes(90)), "ssh-keygen -p -m PKCS8"],
  ["a certificate", pem("client"), "it holds a certificate, which belongs into tls.cert"],
  ["a public key", pemBlock("PUBLIC KEY", randomBytes(90)), "it holds a public key"],
  ["one line", text(ec, "pkcs8").replaceAll("\n", ""), "is written in one line"],
  ["\\n as two characters", text(ec, "pkcs8").replaceAll("\n", "\\n"), "has \\n as two characters"],
  ["no PEM", "no key", "has no block that begins with -----BEGIN"],
  ["junk", pemBlock("RSA PRIVATE KEY", randomBytes(90)), "it cannot be read"],
  [
    "a key that is too large",
    pemBlock("RSA PRIVATE KEY", randomBytes(9000)),
    "larger than a key of RSA with 8192 bits",
  ],
  [
    "RSA of many bits",
    pemBlock(
      "RSA PRIVATE KEY",
      der(0x30, zero, integer(Buffer.alloc(1500, 0xff)), ...Array(7).fill(integer(Buffer.of(3)))),
    ),
    "has an RSA key of 12000 bits: at most 8192",
  ],
])("says what is wrong with %s", (_, text, fault) => {
  expect(faultOf(text)).toContain(fault);
});
