import type { Socket } from "node:net";
import { create } from "@bufbuild/protobuf";
import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import { type TlsConfig, TlsConfigSchema } from "../../../gen/connectory/v1/tls_config_pb.js";
import { endpointName, type Probe, ProbeError } from "../sdk/connector.ts";
import type { NatsServerAddress } from "./nats-servers.ts";
import { type Greeting, readGreeting } from "./read-greeting.ts";

/** A server after its greeting; the socket is encrypted when required. */
export interface NatsServer {
  readonly address: NatsServerAddress;
  readonly socket: Socket;
  readonly greeting: Greeting;
  /** The TLS settings of the socket; undefined in plaintext. */
  readonly tls: TlsConfig | undefined;
}

/** The time without a greeting after which TLS starts, in milliseconds. nats-server itself waits 50. */
const silenceMs = 1500;

/**
 * Opens a connection to a server. The greeting is in plaintext, and TLS follows when the configuration or the server requires
 * it; a silent server may expect TLS first (handshake_first). A server that requires TLS without configured TLS is dialled
 * again, so that the report has only the steps of `Probe.open`. Rejects with a ProbeError.
 */
export async function connectToServer(
  address: NatsServerAddress,
  { tls, note }: { readonly tls: TlsConfig | undefined; readonly note?: string },
  probe: Probe,
): Promise<NatsServer> {
  const wanted = tls ?? (address.encrypted ? create(TlsConfigSchema) : undefined);
  const { host, port } = address;
  if (wanted === undefined) {
    const socket = await probe.open({ host, port, field: "servers", note });
    const greeting = await greet(socket, address, probe);
    if (!greeting.wantsTls) return { address, socket, greeting, tls: undefined };
    socket.destroy();
    return connectToServer({ ...address, encrypted: true }, { tls, ...(note === undefined ? {} : { note }) }, probe);
  }
  let inClear: Greeting | undefined;
  const beforeTls = async (socket: Socket, signal: AbortSignal) => {
    inClear = await greetingOrSilence(socket, signal, Math.min(silenceMs, probe.deadlineMs / 6));
    if (inClear !== undefined) checkOffer(inClear, socket);
  };
  const socket = await probe.open({ host, port, field: "servers", note, tls: wanted, beforeTls });
  return { address, socket, greeting: inClear ?? (await greet(socket, address, probe)), tls: wanted };
}

/** Returns a greeting that no step of `Probe.open` covers; a step is recorded only when it fails. */
async function greet(socket: Socket, address: NatsServerAddress, probe: Probe): Promise<Greeting> {
  const timeout = AbortSignal.timeout(Math.ceil(probe.deadlineMs / 3));
  try {
    return await readGreeting(socket, AbortSignal.any([probe.signal, timeout]));
  } catch (error) {
    const step = { stage: TestStage.AUTHENTICATE, endpoint: endpointName(address), field: "servers" };
    return probe.step(step, () => Promise.reject(timeout.aborted ? silent() : error));
  }
}

async function greetingOrSilence(socket: Socket, signal: AbortSignal, timeoutMs: number) {
  const timeout = AbortSignal.timeout(Math.ceil(timeoutMs));
  try {
    return await readGreeting(socket, AbortSignal.any([signal, timeout]));
  } catch (error) {
    if (!timeout.aborted || signal.aborted || error instanceof ProbeError) throw error;
    return undefined;
  }
}

function checkOffer({ offersTls }: Greeting, socket: Socket): void {
  if (!offersTls)
    throw new ProbeError("TLS_NOT_OFFERED", "the server does not offer TLS: turn it on there, or leave TLS out", "tls");
  // Bytes after the greeting were injected before the encryption.
  if (socket.readableLength > 0)
    throw new ProbeError("NOT_A_NATS_SERVER", "the server said more than it should before TLS began", "servers");
}

function silent(): ProbeError {
  return new ProbeError("TIMED_OUT", "the server said nothing: it may not be NATS, or begin with TLS", "servers");
}
