import { EgressDenied } from "../../egress/egress-policy.ts";
import { ProbeError, type Step } from "./connector.ts";

/** The code, the hint and, unless it is the step's, the field. */
type Meaning = readonly [code: string, hint: string, field?: string];

const untrusted: Meaning = [
  "TLS_UNTRUSTED",
  "no trusted authority vouches for the server's certificate: give its authority's certificate",
  "tls.ca",
];
/** The server sent one certificate: its issuer is missing there, or here. */
const alone: Meaning = [
  "TLS_UNTRUSTED",
  "no trusted authority vouches for the server's certificate, and the server sends no other certificate with it: give its authority's certificate; when an intermediate authority has issued it, let the server send that one's certificate too, or give it here",
  "tls.ca",
];
const otherKey: Meaning = [
  "TLS_UNTRUSTED",
  "a certificate of the server was not signed with the key of the trusted authority of that name: the authority may have been made anew, so give its present certificate",
  "tls.ca",
];
const weak: Meaning = [
  "TLS_CERTIFICATE_WEAK",
  "the server's certificate, or one of its authorities', has a key or a signature that is too weak: renew it there with an RSA key of 2048 bits or more, or an elliptic curve, and SHA-256",
  "tls",
];
const notTls: Meaning = [
  "TLS_NOT_SPOKEN",
  "the server does not speak TLS there: check the port, or leave TLS out",
  "tls",
];
const refusedClient: Meaning = [
  "TLS_REFUSED",
  "the server refused the TLS handshake: it may want another client certificate or TLS version",
  "tls.cert",
];
const unreachable: Meaning = ["UNREACHABLE", "there is no way to the address from this server"];

const notFound: Meaning = ["NAME_NOT_FOUND", "the name has no address: check its spelling"];
const notResolved: Meaning = ["NAME_NOT_RESOLVED", "the name server did not answer: try again"];

/** The meaning of the error codes of Node's resolver, sockets and TLS. */
const meanings: Readonly<Record<string, Meaning>> = {
  ENOTFOUND: notFound,
  ENODATA: notFound,
  EBADNAME: notFound,
  EAI_AGAIN: notResolved,
  ETIMEOUT: notResolved,
  ESERVFAIL: notResolved,
  EREFUSED: notResolved,
  EFORMERR: notResolved,
  ENOTIMP: notResolved,
  EBADRESP: notResolved,
  ECONNREFUSED: ["CONNECTION_REFUSED", "nothing listens there: check host and port, and that the system is up"],
  ECONNRESET: ["CONNECTION_CLOSED", "the other side closed the connection"],
  EPIPE: ["CONNECTION_CLOSED", "the other side closed the connection"],
  ETIMEDOUT: ["TIMED_OUT", "no answer: check host and port, and the firewalls in between"],
  EHOSTUNREACH: unreachable,
  ENETUNREACH: unreachable,
  EADDRNOTAVAIL: unreachable,
  EACCES: unreachable,
  EINVAL: unreachable,
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  UNABLE_TO_GET_ISSUER_CERT: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: alone,
  CERT_UNTRUSTED: untrusted,
  CERT_REJECTED: untrusted,
  CERT_CHAIN_TOO_LONG: untrusted,
  PATH_LENGTH_EXCEEDED: untrusted,
  CERT_SIGNATURE_FAILURE: otherKey,
  UNABLE_TO_DECRYPT_CERT_SIGNATURE: otherKey,
  INVALID_CA: untrusted,
  INVALID_PURPOSE: untrusted,
  ERR_TOO_MUCH_DATA: ["TOO_MUCH_DATA", "the other side sent more than a test reads: it may be another system"],
  ERR_TLS_CERT_ALTNAME_INVALID: [
    "TLS_NAME_MISMATCH",
    "the server's certificate is for another name: give the name that it has",
    "tls.server_name",
  ],
  CERT_HAS_EXPIRED: ["TLS_EXPIRED", "a certificate of the server has expired", "tls"],
  CERT_NOT_YET_VALID: ["TLS_NOT_YET_VALID", "a certificate of the server is not valid yet", "tls"],
  CERT_REVOKED: ["TLS_REVOKED", "a certificate of the server was revoked", "tls"],
  ERR_SSL_EE_KEY_TOO_SMALL: weak,
  ERR_SSL_CA_KEY_TOO_SMALL: weak,
  ERR_SSL_CA_MD_TOO_WEAK: weak,
  ERR_SSL_DH_KEY_TOO_SMALL: [
    "TLS_CERTIFICATE_WEAK",
    "the server offers a Diffie-Hellman key that is too short: give it 2048 bits or more, or elliptic curves",
    "tls",
  ],
  ERR_SSL_WRONG_VERSION_NUMBER: notTls,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: notTls,
  ERR_SSL_UNSUPPORTED_PROTOCOL: [
    "TLS_VERSION_UNSUPPORTED",
    "the server offers only TLS versions that are not safe any more",
    "tls",
  ],
};

/**
 * Returns the meaning of an error for the author of the configuration. It holds no text of the remote system; `reveals` tells
 * whether an error code, which a library may take from there, holds a secret (default: never).
 */
export function translateError(
  error: unknown,
  step: Step,
  reveals: (text: string) => boolean = () => false,
): ProbeError {
  if (error instanceof ProbeError) return error;
  if (error instanceof EgressDenied) return new ProbeError("EGRESS_DENIED", error.hint, step.field);
  const refusal = causes(error).find((one) => errorCode(one).startsWith("ERR_SSL_"));
  const translated = refusal === undefined ? step.translate?.(error) : undefined;
  if (translated !== undefined) return translated;
  const code = errorCode(refusal ?? error);
  const [name, hint, field] = meanings[code] ?? unnamed(code, error) ?? fallback(reveals(code) ? "" : code);
  return new ProbeError(name, hint, field ?? step.field);
}

/** Returns an error and its chain of causes. */
function causes(error: unknown): readonly Error[] {
  return error instanceof Error ? [error, ...causes(error.cause)] : [];
}

/**
 * Returns the meaning of a certificate's fault for which Node has no code of its own but the text of OpenSSL, which is the same
 * for all servers.
 */
function unnamed(code: string, error: unknown): Meaning | undefined {
  if (code !== "UNSPECIFIED" || !(error instanceof Error)) return undefined;
  if (/^(EE|CA) (certificate key|signature digest algorithm) too weak$/.test(error.message)) return weak;
  return ["TLS_UNTRUSTED", "the server's certificate, or its chain, is not valid for a TLS server", "tls.ca"];
}

function fallback(code: string): Meaning {
  if (code.startsWith("ERR_SSL_") && /ALERT|HANDSHAKE_FAILURE/.test(code)) return refusedClient;
  if (code.startsWith("ERR_SSL_")) return ["TLS_FAILED", `the TLS handshake failed (${code})`, "tls"];
  return ["FAILED", code === "" ? "it failed for a reason that is not known" : `it failed with ${code}`];
}

/**
 * Returns the code of a Node, OpenSSL (`ERR_SSL_SSL/TLS_ALERT_…`) or library error when it has the form of a constant, else an
 * empty text.
 */
export function errorCode(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" && /^[A-Z0-9_/]{2,64}$/.test(code) ? code : "";
}
