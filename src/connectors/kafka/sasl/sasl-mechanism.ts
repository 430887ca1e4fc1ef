import type { KafkaConfig as Options } from "kafkajs";
import type { Probe } from "../../sdk/connector.ts";
import type { KafkaAccess } from "../kafka-access.ts";
import { bearerMechanism } from "./bearer-mechanism.ts";
import { fetchOauthToken } from "./fetch-oauth-token.ts";
import { scramWithIterationLimit } from "./scram-iteration-limit.ts";
import { signMskToken } from "./sign-msk-token.ts";

/** Returns the SASL option of kafkajs; obtains a token first when the log-in needs one. */
export async function saslMechanism({ login, tls }: KafkaAccess, probe: Probe): Promise<Options["sasl"]> {
  if (login === undefined) return undefined;
  if (login.kind === "token") return bearerMechanism(login.token);
  if (login.kind === "oauth") return bearerOf(await fetchOauthToken(login, tls?.ca ?? "", probe), probe);
  if (login.kind === "msk") return bearerOf(await signMskToken(login), probe);
  const { mechanism, username, password } = login;
  return mechanism === "PLAIN"
    ? { mechanism: "plain", username, password }
    : scramWithIterationLimit(mechanism, username, password);
}

/** The token grants access, so it is as secret as the credentials from which it was made. */
function bearerOf(token: string, probe: Probe): Options["sasl"] {
  probe.addSecret(token);
  return bearerMechanism(token);
}
