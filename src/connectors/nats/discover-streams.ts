import { type Msg, NoRespondersError, PermissionViolationError, RequestError } from "@nats-io/nats-core/internal";
import type { NatsConfig } from "../../../gen/connectory/v1/nats_config_pb.js";
import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import { type DiscoveredPage, type DiscoveryRequest, type Probe, ProbeError, type Step } from "../sdk/connector.ts";
import { readStreamList } from "./read-stream-list.ts";
import { type NatsTarget, selectServer } from "./select-server.ts";

const streamList = "$JS.API.STREAM.LIST";
const nothing: DiscoveredPage = { resources: [], nextCursor: "" };

/**
 * Returns the JetStream streams by name; subjects alone cannot be listed. A server returns up to 256 of them from an offset,
 * which is the cursor. An account without JetStream has none. A subscriber to `>` in the account receives the request to
 * `$JS.API.STREAM.LIST` and its response; the request changes nothing. Rejects with a ProbeError.
 */
export async function discoverStreams(
  config: NatsConfig,
  probe: Probe,
  discovery: DiscoveryRequest,
): Promise<DiscoveredPage> {
  const target = await selectServer(config, probe);
  try {
    if (discovery.parent !== "") return nothing;
    const offset = Number(/^\d{1,9}$/.exec(discovery.cursor)?.[0] ?? 0);
    const answer = await request(target, offset, probe);
    const capability = target.step(TestStage.CAPABILITY, "servers");
    const list = await probe.step(capability, async () => readStreamList(answer?.data));
    if (list === undefined) {
      probe.fact("account_jetstream", "false");
      return nothing;
    }
    const resources = list.streams.slice(0, discovery.pageSize);
    const next = offset + resources.length;
    return { resources, nextCursor: resources.length > 0 && next < list.total ? String(next) : "" };
  } finally {
    await target.session.connection.close();
  }
}

/** Returns the response; undefined when the request has no responder. */
async function request(
  { session, loginField, step }: NatsTarget,
  offset: number,
  probe: Probe,
): Promise<Msg | undefined> {
  const { connection, unlessClosed } = session;
  const authorize = step(TestStage.AUTHORIZE, loginField);
  const translate: Step["translate"] = (error) => (isDenied(error) ? denied(loginField) : authorize.translate?.(error));
  return probe.step({ ...authorize, translate }, async () => {
    try {
      return await unlessClosed(
        connection.request(streamList, JSON.stringify({ offset }), { timeout: probe.deadlineMs }),
      );
    } catch (error) {
      if (causeOf(error) instanceof NoRespondersError) return undefined;
      throw error;
    }
  });
}

function causeOf(error: unknown): unknown {
  return error instanceof RequestError ? error.cause : error;
}

function isDenied(error: unknown): boolean {
  return causeOf(error) instanceof PermissionViolationError;
}

function denied(field: string): ProbeError {
  return new ProbeError(
    "PERMISSION_DENIED",
    `the user may not publish to ${streamList}, or has no inbox (_INBOX.>)`,
    field,
  );
}
