import type { Socket } from "node:net";
import { create } from "@bufbuild/protobuf";
import type { KafkaConfig } from "../../../gen/connectory/v1/kafka_config_pb.js";
import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import { type TlsConfig, TlsConfigSchema } from "../../../gen/connectory/v1/tls_config_pb.js";
import { endpointName, type Probe, ProbeError, type Step } from "../connector.ts";
import { type BrokerAddress, parseBootstrapServers } from "./bootstrap-servers.ts";
import { openAdmin } from "./open-admin.ts";
import { translateKafkaError } from "./translate-kafka-error.ts";

/** At most so many bootstrap servers, and so many brokers, are dialled by one test: it is no port scanner. */
const maxBrokers = 16;

/**
 * Reaches the bootstrap servers, logs in to the first that answers, reads what the cluster is, and reaches the
 * addresses that its brokers advertise, because that is where clients are sent. Writes nothing, creates no topic.
 */
export async function testKafka(config: KafkaConfig, probe: Probe): Promise<void> {
  const { sasl } = config;
  const tls = kafkaTls(config);
  const { address, socket: seed } = await openFirst(parseBootstrapServers(config.bootstrapServers), tls, probe);
  const endpoint = endpointName(address);

  const reached = new Set<string>();
  let unreached: ProbeError | undefined;
  const open = async (broker: BrokerAddress) => {
    reached.add(endpointName(broker));
    try {
      return await probe.open({ ...broker, field: "bootstrap_servers", tls, note: advertised });
    } catch (error) {
      // kafkajs wraps the error and keeps a text of it: remembered here, so that the step can say what it was.
      if (error instanceof ProbeError) unreached ??= error;
      throw error;
    }
  };
  const translate = (error: unknown) => unreached ?? translateKafkaError(error);
  const { admin, close } = openAdmin({ seed, sasl, open, timeoutMs: probe.deadlineMs });
  const capability: Step = { stage: TestStage.CAPABILITY, endpoint, field: "bootstrap_servers", translate };
  try {
    await probe.step(authentication(config, endpoint, translate), () => admin.connect());
    const { brokers, controller, clusterId } = await probe.step(capability, () => admin.describeCluster());
    probe.fact("brokers", String(brokers.length));
    probe.fact("controller", String(controller ?? ""));
    probe.fact("cluster_id", clusterId);
    const { topics } = await probe.step(capability, () => admin.fetchTopicMetadata());
    probe.fact("topics", String(topics.length));
    const others = brokers.filter((broker) => !reached.has(endpointName(broker))).slice(0, maxBrokers);
    await Promise.all(others.map(async ({ host, port }) => (await open({ host, port })).destroy()));
  } finally {
    close();
  }
}

const advertised = "the cluster sends its clients to this address (advertised.listeners)";

/** The TLS that is meant: `SASL_SSL` turns it on without further settings. */
function kafkaTls({ sasl, tls }: KafkaConfig): TlsConfig | undefined {
  return tls ?? (sasl?.protocol === "SASL_SSL" ? create(TlsConfigSchema) : undefined);
}

/** Logging in; without a log-in it is the exchange of versions that every client begins with. */
function authentication({ sasl, tls }: KafkaConfig, endpoint: string, translate: Step["translate"] & {}): Step {
  const inClear = sasl?.mechanism === "PLAIN" && sasl.protocol === "SASL_PLAINTEXT" && tls === undefined;
  return {
    stage: TestStage.AUTHENTICATE,
    endpoint,
    field: sasl === undefined ? "bootstrap_servers" : "sasl",
    translate,
    warning: inClear ? { code: "PASSWORD_IN_CLEAR", hint: "the password travels in clear: take SASL_SSL" } : undefined,
  };
}

/** Opens all of them and keeps the first in their order; those that fail are warnings as long as one does not. */
async function openFirst(addresses: readonly BrokerAddress[], tls: TlsConfig | undefined, probe: Probe) {
  const opened: { address: BrokerAddress; socket: Socket }[] = [];
  const failed: { address: BrokerAddress; error: unknown }[] = [];
  const tryOne = async (address: BrokerAddress) => {
    try {
      opened.push({ address, socket: await probe.open({ ...address, field: "bootstrap_servers", tls }) });
    } catch (error) {
      failed.push({ address, error });
    }
  };
  await Promise.all(addresses.slice(0, maxBrokers).map(tryOne));
  const [first, ...spare] = opened;
  if (first === undefined) throw failed[0]?.error;
  for (const { socket } of spare) socket.destroy();
  for (const { address } of failed) probe.forgive(endpointName(address));
  return first;
}
