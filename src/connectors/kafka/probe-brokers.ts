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

/** A cluster that has let the user in. */
export interface BrokerProbe {
  readonly admin: Admin;
  /** The topics that the user may describe. */
  readonly topics: readonly ITopicMetadata[];
  /** For what else is asked of the cluster. */
  readonly capability: Step;
  /** Reaches brokers that nobody has reached yet, where the cluster says that they are. */
  reach(brokers: readonly BrokerAddress[]): Promise<void>;
}

/**
 * Reaches the bootstrap servers, logs in to the first that answers, and asks it for the topics that the user may
 * describe. What the work leaves open is closed at its end.
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
      // kafkajs wraps the error and keeps a text of it: remembered here, so that the step can say what it was. That the
      // cluster has named the address means that it has answered the question which kafkajs asks to find it.
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

/** SCRAM proves a password without sending it; the others send it, or a token that is as good. */
function inClear({ login, tls }: KafkaAccess): boolean {
  return tls === undefined && login !== undefined && (login.kind !== "password" || login.mechanism === "PLAIN");
}

const unusable = "the cluster sends its clients to an address that is none: look at advertised.listeners";
