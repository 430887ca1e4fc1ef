import type { NatsConfig } from "../../../gen/connectory/v1/nats_config_pb.js";
import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import { connectFirstReachable } from "../sdk/connect-first-reachable.ts";
import { endpointName, type Probe, type Step } from "../sdk/connector.ts";
import { connectToServer, type NatsServer } from "./connect.ts";
import { parseNatsServers } from "./nats-servers.ts";
import { readUserJwt } from "./read-user-jwt.ts";
import { type NatsSession, openSession } from "./session.ts";
import { translateNatsError } from "./translate-nats-error.ts";

/** The start of a test and of a discovery: a server and a session. */
export interface NatsTarget {
  readonly server: NatsServer;
  readonly session: NatsSession;
  /** The names of the configured servers. */
  readonly configured: ReadonlySet<string>;
  /** The configuration field with the user's identity. */
  readonly loginField: string;
  /** Returns a step at the server. */
  step(stage: TestStage, field: string): Step;
}

/**
 * Connects to the configured servers, logs in to the first reachable one, and returns it. `close` of its connection ends the
 * session. Rejects with a ProbeError.
 */
export async function selectServer(config: NatsConfig, probe: Probe): Promise<NatsTarget> {
  const addresses = parseNatsServers(config.servers);
  const server = await connectFirstReachable(
    addresses,
    (address) => connectToServer(address, { tls: config.tls }, probe),
    probe,
  );

  const step = (stage: TestStage, field: string): Step => ({
    stage,
    endpoint: endpointName(server.address),
    field,
    translate: (error) => translateNatsError(error, config, server),
  });
  const authenticate = { ...step(TestStage.AUTHENTICATE, "servers"), warning: loginWarning(config, server) };
  const session = await probe.step(authenticate, () => openSession(server, config, probe.deadlineMs));
  recordFacts(config, server, probe);
  const loginField = loginFields[config.authentication.case ?? "none"];
  return { server, session, configured: new Set(addresses.map(endpointName)), loginField, step };
}

const loginFields = { password: "password.username", token: "token.token", jwt: "jwt.jwt", none: "servers" } as const;

function loginWarning(
  { authentication: { case: method } }: NatsConfig,
  { greeting, tls }: NatsServer,
): Step["warning"] {
  if (method !== undefined && !greeting.wantsLogin)
    return { code: "LOGIN_NOT_EXPECTED", hint: "the server asks for no log-in: it lets everybody in" };
  if ((method === "password" || method === "token") && tls === undefined)
    return { code: "PASSWORD_IN_CLEAR", hint: `the ${method} travels in clear: take TLS` };
  return undefined;
}

function recordFacts({ authentication }: NatsConfig, { greeting }: NatsServer, probe: Probe): void {
  const { version, serverName, cluster, maxPayload, jetStream, others } = greeting;
  probe.fact("server_version", version);
  if (serverName !== "") probe.fact("server_name", serverName);
  if (cluster !== "") probe.fact("cluster", cluster);
  if (maxPayload !== undefined) probe.fact("max_payload", String(maxPayload));
  probe.fact("jetstream", String(jetStream));
  probe.fact("announced_servers", String(others.length));
  const expires = authentication.case === "jwt" ? readUserJwt(authentication.value.jwt)?.expires : undefined;
  if (expires !== undefined) probe.fact("jwt_expires", new Date(expires).toISOString());
}
