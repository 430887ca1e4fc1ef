import type { Socket } from "node:net";
import { TestStage } from "../../gen/connectory/v1/test_report_pb.js";
import type { TlsConfig } from "../../gen/connectory/v1/tls_config_pb.js";
import type { Dialer } from "../egress/create-dialer.ts";
import { type Endpoint, endpointName, ProbeError, type Step } from "./connector.ts";
import { plannedStages, type Recorder } from "./create-recorder.ts";
import { openTls } from "./open-tls.ts";
import { translateError } from "./translate-error.ts";

/** `Probe.open`: from a name to a socket that is ready to talk, a recorded step each. */
export async function openEndpoint(
  endpoint: Endpoint,
  {
    dialer,
    recorder,
    signal,
    deadlineMs,
  }: { dialer: Dialer; recorder: Recorder; signal: AbortSignal; deadlineMs: number },
): Promise<Socket> {
  const { host, port, field, tls, note } = endpoint;
  const name = endpointName(endpoint);
  let reached = TestStage.RESOLVE;
  const run = <T>(stage: TestStage, work: () => Promise<T>, warning?: Step["warning"]) => {
    reached = stage;
    // One dead address must leave time for the others.
    const timeoutMs = stage === TestStage.RESOLVE ? undefined : Math.ceil(deadlineMs / 3);
    return recorder.step({ stage, endpoint: name, field, warning, note, timeoutMs }, work);
  };
  try {
    const resolution = await run(TestStage.RESOLVE, () => dialer.resolve(host, signal));
    const target = await run(TestStage.EGRESS, () => dialer.admit({ host, port }, resolution));
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

/** ISO 8601; empty for a certificate without a readable end. */
function expiry(validTo: string | undefined): string {
  const time = Date.parse(validTo ?? "");
  return Number.isNaN(time) ? "" : new Date(time).toISOString();
}
