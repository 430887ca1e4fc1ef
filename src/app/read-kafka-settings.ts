import type { EnvReader } from "../config/env-reader.ts";
import { hostExpected, isHost } from "../egress/is-host.ts";
import type { KafkaSettings } from "./config.ts";

/** Returns the settings KAFKA_…; undefined without brokers. Reports problems to `env`. */
export function readKafkaSettings(env: EnvReader): KafkaSettings | undefined {
  const brokers = env.list("KAFKA_BROKERS");
  for (const [index, broker] of brokers.entries())
    if (!isBroker(broker)) env.problem("KAFKA_BROKERS", describeBroker(broker, index, brokers.length));
  const ssl = env.oneOf("KAFKA_SSL", ["true", "false"], "false") === "true";
  const mechanism = env.oneOf("KAFKA_SASL_MECHANISM", ["plain", "scram-sha-256", "scram-sha-512", "none"], "none");
  const username = env.text("KAFKA_SASL_USERNAME");
  const password = env.text("KAFKA_SASL_PASSWORD");
  const isGiven = [env.isGiven("KAFKA_SASL_USERNAME"), env.isGiven("KAFKA_SASL_PASSWORD")];
  if (mechanism === "none" && isGiven.includes(true))
    env.problem("KAFKA_SASL_MECHANISM", "must be set together with KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD");
  if (mechanism !== "none" && isGiven.includes(false))
    env.problem("KAFKA_SASL_USERNAME", "must be set, with KAFKA_SASL_PASSWORD, because KAFKA_SASL_MECHANISM is");
  if (brokers.length === 0 && (ssl || mechanism !== "none"))
    env.problem("KAFKA_BROKERS", "must be set for KAFKA_SSL and KAFKA_SASL_MECHANISM to have an effect");
  const sasl = mechanism === "none" ? undefined : { mechanism, username: username ?? "", password: password ?? "" };
  return brokers.length === 0 ? undefined : { brokers, ssl, sasl };
}

function describeBroker(broker: string, index: number, count: number): string {
  const which = count === 1 ? "" : ` (entry ${index + 1} of ${count})`;
  const [, rest] = /^[a-z_]+:\/\/(.*)$/i.exec(broker) ?? [];
  const remedy =
    rest === undefined
      ? `the host ${hostExpected} (an IPv6 address needs a host name: kafkajs cannot read it)`
      : `leave out what is before ${rest}, and set KAFKA_SSL=true for TLS`;
  return `${broker} is not host:port with a port from 1 to 65535${which}; ${remedy}`;
}

function isBroker(text: string): boolean {
  const [, host = "", port = ""] = /^([^:]+):(\d{1,5})$/.exec(text) ?? [];
  return isHost(host) && Number(port) >= 1 && Number(port) <= 65_535;
}
