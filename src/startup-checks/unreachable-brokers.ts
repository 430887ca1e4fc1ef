import { once } from "node:events";
import { connect } from "node:net";

/** Milliseconds for a connection to a broker. */
const timeoutMs = 3_000;

/**
 * Returns a warning when brokers cannot be reached; undefined when all can. Opens and closes a TCP connection to each, without
 * TLS and log-in.
 */
export async function unreachableBrokers(brokers: readonly string[]): Promise<string | undefined> {
  const found = await Promise.all(brokers.map(async (broker) => [broker, await whyUnreachable(broker)] as const));
  const faults = found.filter(([, why]) => why !== undefined).map(([broker, why]) => `${broker} (${why})`);
  if (faults.length === 0) return undefined;
  const consequence =
    faults.length === brokers.length
      ? "events wait in the log until one can be reached"
      : "events are published by way of the others";
  return `KAFKA_BROKERS: cannot be reached: ${faults.join(", ")}; ${consequence}: check host and port, and that Kafka is running`;
}

async function whyUnreachable(broker: string): Promise<string | undefined> {
  const colon = broker.lastIndexOf(":");
  const socket = connect({ host: broker.slice(0, colon), port: Number(broker.slice(colon + 1)) });
  try {
    await once(socket, "connect", { signal: AbortSignal.timeout(timeoutMs) });
    return undefined;
  } catch (error) {
    return explainConnectError(error, timeoutMs);
  } finally {
    socket.destroy();
  }
}

/** Returns a few words about a failed connection attempt. */
export function explainConnectError(error: unknown, limitMs: number): string {
  const { code, name } = error as { readonly code?: string | number; readonly name?: string };
  if (name === "AbortError" || name === "TimeoutError" || code === "ETIMEDOUT")
    return `no answer within ${limitMs / 1000} s`;
  if (code === "ECONNREFUSED") return "nothing listens there";
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "its name is not known to this machine's name servers";
  if (code === "EHOSTUNREACH" || code === "ENETUNREACH") return "there is no route to it";
  return String(code ?? "unknown error");
}
