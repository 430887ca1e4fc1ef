import { once } from "node:events";
import { isIP, type Socket } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import type { TlsConfig } from "../../gen/connectory/v1/tls_config_pb.js";
import { ProbeError } from "./connector.ts";
import { errorCode } from "./translate-error.ts";

/** A TLS handshake on a connected socket, which stays the owner: destroying it destroys both. */
export async function openTls(socket: Socket, host: string, tls: TlsConfig, signal: AbortSignal): Promise<TLSSocket> {
  const expected = tls.serverName === "" ? host : tls.serverName;
  const secured = connect({
    socket,
    host: expected,
    // A server name indication must be a name (RFC 6066); an address is checked against the certificate all the same.
    ...(isIP(expected) === 0 ? { servername: expected } : {}),
    ...(tls.ca === "" ? {} : { ca: tls.ca }),
    ...(tls.cert === "" ? {} : { cert: tls.cert }),
    ...(tls.key === "" ? {} : { key: tls.key }),
    rejectUnauthorized: !tls.insecureSkipVerify,
  });
  // As with the socket below: whoever uses it learns of its end from `close`.
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
    throw ended || errorCode(error) === "ECONNRESET" ? closedInHandshake() : error;
  } finally {
    secured.removeListener("close", close);
  }
}

function closedInHandshake(): ProbeError {
  const hint = "the server closed the connection in the TLS handshake: it may not speak TLS on this port";
  return new ProbeError("TLS_CLOSED", hint, "tls");
}
