import { EgressDenied } from "../../egress/egress-policy.ts";
import { ProbeError, type Step } from "./connector.ts";

/** The code, the hint and, unless it is the step's, the field. */
type Meaning = readonly [code: string, hint: string, field?: string];

const untrusted: Meaning = [
  "TLS_UNTRUSTED",
  "no trusted authority vouches for the server's certificate: give its authority's certificate",
  "tls.ca",
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
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
  CERT_UNTRUSTED: untrusted,
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
  const [name, hint, field] = meanings[code] ?? fallback(reveals(code) ? "" : code);
  return new ProbeError(name, hint, field ?? step.field);
}

/** Returns an error and its chain of causes. */
function causes(error: unknown): readonly Error[] {
  return error instanceof Error ? [error, ...causes(error.cause)] : [];
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
