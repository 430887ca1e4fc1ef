import type { Socket } from "node:net";
import type { Admin, ITopicMetadata } from "kafkajs";
import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import { isValidAdvertisedAddress } from "../sdk/advertised-address.ts";
import { connectFirstReachable, maxTargets } from "../sdk/connect-first-reachable.ts";
import { endpointName, type Probe, ProbeError, type Step } from "../sdk/connector.ts";
import { type BrokerAddress, parseBootstrapServers } from "./bootstrap-servers.ts";
import type { KafkaAccess } from "./kafka-access.ts";
import { openAdmin } from "./open-admin.ts";
import { saslMechanism } from "./sasl/sasl-mechanism.ts";
import { translateKafkaError } from "./translate-kafka-error.ts";
import { verifyDescribePermission } from "./verify-describe-permission.ts";

/** A cluster after a successful log-in. */
export interface BrokerProbe {
  readonly admin: Admin;
  /** The topics that the user may describe. */
  readonly topics: readonly ITopicMetadata[];
  /** The step of further requests to the cluster. */
  readonly capability: Step;
  /** Connects to the announced addresses of brokers that the test has not reached yet. */
  reach(brokers: readonly BrokerAddress[]): Promise<void>;
}

/**
 * Connects to the bootstrap servers, logs in to the first reachable one, lists the topics that the user may describe, and
 * returns the result of `work`. Open connections are closed at the end. Rejects with a ProbeError.
 */
export async function probeBrokers<T>(
  access: KafkaAccess,
  probe: Probe,
  work: (visit: BrokerProbe) => Promise<T>,
): Promise<T> {
  const { tls, fields } = access;
  const openSeed = async (broker: BrokerAddress) => ({
    socket: await probe.open({ ...broker, field: "bootstrap_servers", tls }),
  });
  const { target, socket: seed } = await connectFirstReachable(
    parseBootstrapServers(access.bootstrapServers),
    openSeed,
    probe,
  );
  const endpoint = endpointName(target);
  const reached = new Set<string>();
  let unreached: ProbeError | undefined;
  const open = async (broker: BrokerAddress): Promise<Socket> => {
    if (reached.size === maxTargets) throw new ProbeError("TOO_MANY_BROKERS", "the cluster names ever more brokers");
    reached.add(endpointName(broker));
    try {
      if (!isValidAdvertisedAddress(broker)) throw new ProbeError("ADDRESS_INVALID", unusable, "bootstrap_servers");
      return await probe.open({ ...broker, field: "bootstrap_servers", tls, note: advertised });
    } catch (error) {
      // kafkajs wraps the error and keeps only its text, so the error is stored for the step. An announced address shows that
      // the cluster responded to kafkajs' metadata request.
      if (error instanceof ProbeError)
        unreached ??= new ProbeError(error.code, error.hint, error.field, TestStage.CAPABILITY);
      throw error;
    }
  };
  const step = (stage: TestStage, field: string): Step => ({
    stage,
    endpoint,
    field,
    translate: (error) => unreached ?? translateKafkaError(error, fields),
  });
  let close: () => void = () => seed.destroy();
  try {
    const sasl = await saslMechanism(access, probe);
    const opened = openAdmin({ seed, sasl, open, timeoutMs: probe.deadlineMs });
    const { admin } = opened;
    close = opened.close;
    const login = step(TestStage.AUTHENTICATE, access.login === undefined ? "bootstrap_servers" : fields.login);
    await probe.step({ ...login, warning: inClear(access) ? passwordInClear : undefined }, () => admin.connect());
    const topics = await probe.step(step(TestStage.AUTHORIZE, fields.username), () => visibleTopics(admin));
    const reach = async (brokers: readonly BrokerAddress[]) => {
      const others = brokers.filter((broker) => !reached.has(endpointName(broker)));
      const dialled = others.slice(0, maxTargets - reached.size);
      await Promise.all(dialled.map(async ({ host, port }) => (await open({ host, port })).destroy()));
    };
    return await work({ admin, topics, capability: step(TestStage.CAPABILITY, "bootstrap_servers"), reach });
  } finally {
    close();
  }
}

async function visibleTopics(admin: Admin): Promise<readonly ITopicMetadata[]> {
  const { topics } = await admin.fetchTopicMetadata();
  if (topics.length === 0) await verifyDescribePermission(admin);
  return topics;
}

const advertised = "the cluster sends its clients to this address (advertised.listeners)";
const passwordInClear = { code: "PASSWORD_IN_CLEAR", hint: "the password travels in clear: take SASL_SSL" };

/** Returns true when the log-in sends a password, or an equivalent token, in plaintext; SCRAM sends none. */
function inClear({ login, tls }: KafkaAccess): boolean {
  return tls === undefined && login !== undefined && (login.kind !== "password" || login.mechanism === "PLAIN");
}

const unusable = "the cluster sends its clients to an address that is none: look at advertised.listeners";
