import { once } from "node:events";
import { isIP, type Socket } from "node:net";
import { connect, type DetailedPeerCertificate, type TLSSocket } from "node:tls";
import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import type { TlsConfig } from "../../../gen/connectory/v1/tls_config_pb.js";
import { type Endpoint, endpointName, ProbeError, type Step } from "../../connectors/sdk/connector.ts";
import { errorCode, translateError } from "../../connectors/sdk/translate-error.ts";
import type { Dialer } from "../../egress/dialer.ts";
import { type ProbeRecorder, plannedStages } from "./probe-recorder.ts";

/**
 * Implements `Probe.open`: resolves, authorizes, connects and secures, each as a recorded step. Returns the socket; rejects
 * with the ProbeError of the failed step. `deadlineMs` is in milliseconds; each step but the resolution gets a third of it.
 */
export async function openEndpoint(
  endpoint: Endpoint,
  {
    dialer,
    recorder,
    signal,
    deadlineMs,
  }: { dialer: Dialer; recorder: ProbeRecorder; signal: AbortSignal; deadlineMs: number },
): Promise<Socket> {
  const { host, port, field, tls, note } = endpoint;
  const name = endpointName(endpoint);
  let reached = TestStage.RESOLVE;
  const run = <T>(stage: TestStage, work: () => Promise<T>, warning?: Step["warning"]) => {
    reached = stage;
    // An unreachable address must leave time for the others.
    const timeoutMs = stage === TestStage.RESOLVE ? undefined : Math.ceil(deadlineMs / 3);
    return recorder.step({ stage, endpoint: name, field, warning, note, timeoutMs }, work);
  };
  try {
    const resolution = await run(TestStage.RESOLVE, () => dialer.resolve(host, signal));
    const target = await run(TestStage.EGRESS, () => dialer.authorize({ host, port }, resolution));
    const socket = await run(TestStage.CONNECT, () => dialer.open(target, signal));
    if (tls === undefined) {
      recorder.skip(TestStage.TLS, name);
      return socket;
    }
    const warning = tls.insecureSkipVerify ? notVerified : undefined;
    return await run(
      TestStage.TLS,
      async () => {
        const secured = await secure(socket, endpoint, tls, signal);
        recorder.fact("tls_version", secured.getProtocol() ?? "");
        recorder.fact("certificate_expires", expiry(secured.getPeerCertificate().valid_to));
        return secured;
      },
      warning,
    );
  } catch (error) {
    const later = plannedStages.filter((stage) => stage > reached && stage <= TestStage.TLS);
    recorder.notExecuted(later, "NOT_REACHED", name);
    throw error;
  }
}

async function secure(socket: Socket, endpoint: Endpoint, tls: TlsConfig, signal: AbortSignal) {
  const { host, field, tlsPrefix = "" } = endpoint;
  try {
    await endpoint.beforeTls?.(socket, signal);
    return await openTls(socket, host, tls, signal);
  } catch (error) {
    const failure = translateError(error, { stage: TestStage.TLS, endpoint: endpointName(endpoint), field });
    const at = failure.field?.startsWith("tls") ? `${tlsPrefix}${failure.field}` : failure.field;
    throw new ProbeError(failure.code, failure.hint, at, failure.stage);
  }
}

const notVerified = {
  code: "TLS_NOT_VERIFIED",
  hint: "the certificate was not checked (tls.insecure_skip_verify): whoever sits in between can read everything",
};

/** Returns the time in ISO 8601; empty for a certificate without a readable end. */
function expiry(validTo: string | undefined): string {
  const time = Date.parse(validTo ?? "");
  return Number.isNaN(time) ? "" : new Date(time).toISOString();
}

/**
 * Returns a TLS socket after the handshake on a connected socket, which stays the owner: its destruction destroys both. Rejects
 * with the handshake's error, or with TLS_CLOSED when the server closed the connection.
 */
export async function openTls(socket: Socket, host: string, tls: TlsConfig, signal: AbortSignal): Promise<TLSSocket> {
  // The name without its final dot (RFC 6066, 3).
  const expected = (tls.serverName === "" ? host : tls.serverName).replace(/\.$/, "");
  const secured = connect({
    socket,
    host: expected,
    // A server name indication must be a name (RFC 6066); an address is compared with the certificate all the same.
    ...(isIP(expected) === 0 ? { servername: expected } : {}),
    // Whatever the configuration trusts is trusted: an intermediate authority or the server's own certificate too, as curl
    // and Go do.
    ...(tls.ca === "" ? {} : { ca: tls.ca, allowPartialTrustChain: true }),
    ...(tls.cert === "" ? {} : { cert: tls.cert }),
    ...(tls.key === "" ? {} : { key: tls.key }),
    rejectUnauthorized: !tls.insecureSkipVerify,
  });
  // The verification follows this event, and destroys the handle with the certificates when it fails.
  let sentAlone = false;
  secured.prependOnceListener("secure", () => {
    sentAlone = isAlone(secured.getPeerCertificate(true));
  });
  // As with the underlying socket, the owner learns of the end from `close`.
  secured.on("error", (error) => secured.destroy(error));
  const closed = new AbortController();
  const close = () => closed.abort();
  secured.once("close", close);
  try {
    await once(secured, "secureConnect", { signal: AbortSignal.any([signal, closed.signal]) });
    return secured;
  } catch (error) {
    secured.destroy();
    const ended = closed.signal.aborted && error instanceof Error && error.name === "AbortError";
    if (ended || errorCode(error) === "ECONNRESET") throw closedInHandshake();
    // OpenSSL has this code for both; the other one is translated as a chain that is not complete.
    const incomplete = sentAlone && errorCode(error) === "UNABLE_TO_GET_ISSUER_CERT_LOCALLY";
    throw incomplete ? Object.assign(new Error("incomplete"), { code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" }) : error;
  } finally {
    secured.removeListener("close", close);
  }
}

/** True when a server sent its certificate without that of its issuer. */
function isAlone(certificate: Partial<DetailedPeerCertificate>): boolean {
  return certificate.subject !== undefined && certificate.issuerCertificate === undefined;
}

function closedInHandshake(): ProbeError {
  const hint = "the server closed the connection in the TLS handshake: it may not speak TLS on this port";
  return new ProbeError("TLS_CLOSED", hint, "tls");
}
