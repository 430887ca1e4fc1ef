import type { Socket } from "node:net";
import { endpointName, type Probe } from "../connector.ts";
import { type BrokerAddress, parseBootstrapServers } from "./bootstrap-servers.ts";
import type { KafkaAccess } from "./kafka-access.ts";

/** At most so many bootstrap servers, and so many brokers, are dialled by one test: it is no port scanner. */
export const maxBrokers = 16;

/** Opens all bootstrap servers and keeps the first; those that fail are warnings as long as one does not. */
export async function openFirst({ bootstrapServers, tls }: KafkaAccess, probe: Probe) {
  const opened: { address: BrokerAddress; socket: Socket }[] = [];
  const failed: { address: BrokerAddress; error: unknown }[] = [];
  const tryOne = async (address: BrokerAddress) => {
    try {
      opened.push({ address, socket: await probe.open({ ...address, field: "bootstrap_servers", tls }) });
    } catch (error) {
      failed.push({ address, error });
    }
  };
  await Promise.all(parseBootstrapServers(bootstrapServers).slice(0, maxBrokers).map(tryOne));
  const [first, ...spare] = opened;
  if (first === undefined) throw failed[0]?.error;
  for (const { socket } of spare) socket.destroy();
  for (const { address } of failed) probe.forgive(endpointName(address));
  return first;
}
