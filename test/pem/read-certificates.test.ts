import { generateKeyPairSync, randomBytes } from "node:crypto";
import { rootCertificates } from "node:tls";
import { expect, test } from "vitest";
import { readCertificates } from "../../src/pem/read-certificates.ts";
import { pem } from "../connectors/local-server.ts";
import { certificateOf, der, integer, objectId, pemBlock, selfSigned } from "../support/make-certificate.ts";

const good = pem("authority");
const lines = good.trim().split("\n");
const body = lines.slice(1, -1).join("");
const key = pem("client-key");
const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });

function faultOf(text: string): string {
  const read = readCertificates(text, { max: 200 });
  return "fault" in read ? read.fault : `${read.certificates.length} certificates`;
}

test.each([
  ["one", good, 1],
  ["two", good + pem("client"), 2],
  ["Windows line ends", good.replaceAll("\n", "\r\n"), 1],
  ["no line end after the last line", good.trim(), 1],
  ["text around the blocks", `Bag Attributes\n  friendlyName: a\n# A comment\n${good}\n\nsubject=/CN=b\n${good}`, 2],
  ["blanks at the ends of lines", good.replaceAll("\n", "  \n"), 1],
  ["the whole body in one line", [lines[0], body, lines.at(-1), ""].join("\n"), 1],
  ["all authorities of Node", rootCertificates.join("\n"), rootCertificates.length],
  ["RSA", selfSigned(generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey), 1],
  ["Ed25519", selfSigned(generateKeyPairSync("ed25519").privateKey), 1],
  ["other letters in a comment", `# Zertifikat für ä\n${good}`, 1],
  ["a path of Windows in a comment", `# from C:\\new\\root.pem\n${good}`, 1],
  ["the label of old programs", good.replaceAll("CERTIFICATE", "X509 CERTIFICATE"), 1],
])("reads %s", (_, text, count) => {
  const read = readCertificates(text, { max: 200 });
  expect("certificates" in read ? read.certificates.length : read.fault).toBe(count);
});

/** What of a spoilt text it is told. */
test.each([
  ["a key beside it", good + key, "holds a private key: it belongs into tls.key"],
  ["a key before it", key + good, "holds a private key: it belongs into tls.key"],
  ["a key alone", key, "holds a private key: it belongs into tls.key"],
  ["a key whose label lost dashes", good + key.replaceAll("-----", "---"), "holds a private key"],
  ["a key in one line", good + key.replaceAll("\n", ""), "holds a private key"],
  ["a key with \\n", key.replaceAll("\n", "\\n"), "holds a private key"],
  ["an encrypted key", `${good}-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n`, "holds a private key"],
  ["the base64 of a key", Buffer.from(key).toString("base64"), "holds a private key"],
  [
    "the base64 of certificate and key, in lines",
    Buffer.from(good + key)
      .toString("base64")
      .replace(/.{76}/g, "$&\r\n"),
    "holds a private key",
  ],
  ["the numbers of a key", `Private-Key: (2048 bit, 2 primes)\nmodulus:\n    00:bd\n${good}`, "holds a private key"],
  ["a byte order mark", `\u{feff}${good}`, "begins with a byte order mark"],
  ["\\n as two characters", good.replaceAll("\n", "\\n"), "has \\n as two characters"],
  ["\\r\\n as four characters", good.replaceAll("\n", "\\r\\n"), "has \\n as two characters"],
  ["CR alone", good.replaceAll("\n", "\r"), "has carriage returns (CR) alone"],
  ["one line", good.replaceAll("\n", ""), "is written in one line"],
  ["one line with blanks", good.replaceAll("\n", " "), "is written in one line"],
  ["indented", good.replaceAll(/^/gm, "    "), "is indented"],
  ["indented but for the first line", good.trim().replaceAll("\n", "\n  "), "does not end before the next begins"],
  ["an indented body", [lines[0], `  ${body}`, lines.at(-1)].join("\n"), "is indented"],
  ["blank lines inside", good.replaceAll("\n", "\n\n"), "has blank lines inside of a block"],
  ["a CSR", pemBlock("CERTIFICATE REQUEST", Buffer.from("x")), "holds a certificate request (CSR)"],
  ["a CSR of an older name", pemBlock("NEW CERTIFICATE REQUEST", Buffer.from("x")), "a certificate request (CSR)"],
  ["a CRL", pemBlock("X509 CRL", Buffer.from("x")), "holds a list of revoked certificates (CRL)"],
  ["a public key", pemBlock("PUBLIC KEY", Buffer.from("x")), "holds a public key"],
  ["PKCS #7", pemBlock("PKCS7", Buffer.from("x")), "openssl pkcs7 -print_certs"],
  ["OpenSSL's own form", good.replaceAll("CERTIFICATE", "TRUSTED CERTIFICATE"), "openssl x509"],
  ["another kind of block", good + pemBlock("DH PARAMETERS", Buffer.from("x")), "a block of another kind"],
  ["a broken block before a good one", pemBlock("CERTIFICATE", randomBytes(90)) + good, "certificate 1 of 2 cannot be"],
  ["a broken block after a good one", good + pemBlock("CERTIFICATE", randomBytes(90)), "certificate 2 of 2 cannot be"],
  [
    "a block that is cut off",
    [lines[0], body.slice(0, 400), lines.at(-1)].join("\n"),
    "its certificate cannot be read",
  ],
  ["no END line", lines.slice(0, -1).join("\n"), "has a block without its END line"],
  ["a broken END line", good.replace("END CERTIFICATE-----", "END CERTIFICATE--"), "does not end"],
  ["no BEGIN line", lines.slice(1).join("\n"), "has a BEGIN or END line that is broken"],
  ["four dashes", good.replaceAll("-----", "----"), "has no block that begins with -----BEGIN"],
  ["no base64", `${lines[0]}\n!!!!\n${lines.at(-1)}`, "is not base64"],
  ["base64 without its lines", body, "is base64 without its BEGIN and END lines"],
  ["base64 of all of it", Buffer.from(good).toString("base64"), "is the base64 of a PEM"],
  ["a path", "/etc/ssl/certs/ca.pem", "is the path of a file"],
  ["a path of Windows", "C:\\ca.pem", "is the path of a file"],
  ["anything", "no certificate", "has no block that begins with -----BEGIN"],
  ["blanks", "  \n ", "has no block that begins with -----BEGIN"],
  ["headers", good.replace("\n", "\nProc-Type: 4,ENCRYPTED\n\n"), "its certificate cannot be read"],
  ["too many", good.repeat(201), "at most 200 certificates"],
  ["a large one", pemBlock("CERTIFICATE", randomBytes(40_000)), "is larger than 32768 bytes"],
])("says what is wrong with %s", (_, text, fault) => {
  expect(faultOf(text)).toContain(fault);
  expect(faultOf(text)).not.toContain(body.slice(0, 12));
});

test("a key of a kind that can take any time to read is not read", () => {
  const number = integer(randomBytes(4000));
  const dsa = der(0x30, der(0x30, objectId("2a8648ce380401"), der(0x30, number, number, number)), der(3, number));
  const prime = der(0x30, objectId("2a8648ce3d0101"), number);
  const explicit = der(0x30, der(2, Buffer.from([1])), prime, der(0x30, der(4, Buffer.of(1)), der(4, Buffer.of(1))));
  const curve = der(0x30, der(0x30, objectId("2a8648ce3d0201"), explicit), der(3, Buffer.from([0, 2, 1])));
  for (const spki of [dsa, curve])
    expect(faultOf(pemBlock("CERTIFICATE", certificateOf(privateKey, spki, "a")))).toContain(
      "has a key that TLS does not use",
    );
});

test("a PEM inside of a certificate is not what is read", () => {
  const inside = selfSigned(privateKey, `\n${good}`);
  const read = readCertificates(inside, { max: 200 });
  expect("certificates" in read && read.certificates[0]?.subject).toContain("BEGIN CERTIFICATE");
});

test("reads a hostile text once", () => {
  const parts = [
    "-----BEGIN ",
    "-----BEGIN x-----END",
    "BEND",
    "PRIVATE KEY",
    "LS0tLS1CRUdJTi ",
    "\\r\\",
    " ",
    "-",
    "A-",
  ];
  for (const part of parts) {
    const text = part.repeat(1_500_000 / part.length);
    for (const whole of [text, `${lines[0]}\n${text}`, `${good}${text}`, `${text}${good}`]) faultOf(whole);
  }
});
