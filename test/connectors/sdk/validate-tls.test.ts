import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { TlsConfigSchema } from "../../../gen/connectory/v1/tls_config_pb.js";
import { validateTls } from "../../../src/connectors/sdk/validate-tls.ts";
import { selfSigned } from "../../support/make-certificate.ts";
import { pem } from "../local-server.ts";

const text = (key: KeyObject) => String(key.export({ type: "pkcs8", format: "pem" }));
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
const ed = generateKeyPairSync("ed25519").privateKey;
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
const pss = generateKeyPairSync("rsa-pss", { modulusLength: 2048 }).privateKey;
const weak = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey;

const faults = (tls: { ca?: string; cert?: string; key?: string }) =>
  validateTls(create(TlsConfigSchema, tls)).map(({ field, description }) => `${field} ${description}`);

test.each([
  ["EC", ec],
  ["Ed25519", ed],
  ["RSA", rsa],
])("a certificate of %s and its key go together", (_, key) => {
  expect(faults({ cert: selfSigned(key), key: text(key) })).toEqual([]);
});

test("a chain begins with the certificate of the key", () => {
  const chain = [selfSigned(ec, "leaf"), selfSigned(rsa, "issuer"), selfSigned(ed, "root")];
  expect(faults({ cert: chain.join(""), key: text(ec) })).toEqual([]);
  expect(faults({ cert: chain.toReversed().join(""), key: text(ec) })).toEqual([
    "tls.cert must begin with the certificate of tls.key, which is number 3: its issuers come after it",
  ]);
});

test.each([
  ["EC and RSA", ec, rsa],
  ["EC and Ed25519", ec, ed],
  ["RSA and EC", rsa, ec],
  ["RSA and RSA-PSS", rsa, pss],
  ["two of EC", ec, generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey],
  ["two curves", ec, generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey],
])("%s do not go together", (_, certified, other) => {
  expect(faults({ cert: selfSigned(certified), key: text(other) })).toEqual(["tls.key is not the key of tls.cert"]);
});

test("a weak key is named", () => {
  expect(faults({ cert: selfSigned(weak), key: text(weak) })).toEqual([
    "tls.cert has an RSA key of 1024 bits: TLS takes 2048 and more",
  ]);
});

test("a weak key is named where it is in a chain, and among authorities when there is no other", () => {
  const chain = selfSigned(ec, "leaf") + selfSigned(weak, "issuer");
  expect(faults({ cert: chain, key: text(ec) })).toEqual([
    "tls.cert has an RSA key of 1024 bits in certificate 2 of 2: TLS takes 2048 and more",
  ]);
  expect(faults({ ca: selfSigned(weak) })).toEqual(["tls.ca has an RSA key of 1024 bits: TLS takes 2048 and more"]);
  expect(faults({ ca: selfSigned(weak).repeat(2) })).toEqual([
    "tls.ca has an RSA key of 1024 bits in certificate 1 of 2: TLS takes 2048 and more",
  ]);
  expect(faults({ ca: selfSigned(weak) + selfSigned(ec) })).toEqual([]);
});

test("each field is named that something is wrong with", () => {
  expect(faults({ ca: "a", cert: "b", key: "c" }).map((fault) => fault.split(" ")[0])).toEqual([
    "tls.ca",
    "tls.cert",
    "tls.key",
  ]);
  expect(faults({ ca: pem("authority"), cert: pem("client") })).toEqual(["tls.key must come together with tls.cert"]);
});
