import { setTimeout as sleep } from "node:timers/promises";
import { createInbox, Empty, type Msg } from "@nats-io/nats-core/internal";
import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import { type Probe, ProbeError } from "../sdk/connector.ts";
import { readUserInfo } from "./read-user-info.ts";
import type { NatsTarget } from "./select-server.ts";

/**
 * The subject at which a server, from 2.9 on, describes the current user. The server itself responds; no other client takes
 * part.
 */
const userInfo = "$SYS.REQ.USER.INFO";

/** The time limit of the response, in milliseconds; older servers send none. */
const answerMs = 1000;

/**
 * Subscribes to an inbox and requests the user's description from the server; neither changes anything. Both are messages of
 * the account: a client that subscribes to everything (`>`) receives the empty request, and the response in the inbox. A user
 * who is denied both is indistinguishable from one without permissions, and fails. A user who is denied one of them may still
 * have sufficient permissions, and gets a warning.
 */
export async function verifyPermissions({ session, loginField, step }: NatsTarget, probe: Probe): Promise<void> {
  const { connection, violations, unlessClosed } = session;
  const authorize = step(TestStage.AUTHORIZE, loginField);
  const ask = async () => {
    const { promise: answer, resolve } = Promise.withResolvers<Msg | undefined>();
    const inbox = createInbox();
    connection.subscribe(inbox, { max: 1, callback: (error, message) => resolve(error ? undefined : message) });
    connection.publish(userInfo, Empty, { reply: inbox });
    // The server sends its refusals before it responds to this flush.
    await unlessClosed(connection.flush());
    const refused = new Set(violations.map(({ operation }) => operation));
    if (refused.size > 0) throw refusal(refused, loginField);
    const timer = new AbortController();
    const silence = sleep(answerMs, undefined, { signal: timer.signal });
    const message = await unlessClosed(Promise.race([answer, silence])).finally(() => timer.abort());
    for (const [name, value] of readUserInfo(message?.data)) probe.fact(name, value);
  };
  try {
    await probe.step(authorize, ask);
  } catch (error) {
    if (!(error instanceof ProbeError) || !warnings.includes(error.code)) throw error;
    probe.downgradeToWarning(authorize.endpoint);
  }
}

const warnings = ["INBOX_DENIED", "PERMISSION_NOT_SHOWN"];

function refusal(refused: ReadonlySet<"publish" | "subscription">, field: string): ProbeError {
  const inbox = refused.has("subscription");
  if (inbox && refused.has("publish"))
    return new ProbeError(
      "PERMISSION_DENIED",
      `the user may neither subscribe to an inbox (_INBOX.>) nor publish to ${userInfo}: give it at least the inbox`,
      field,
    );
  if (inbox)
    return new ProbeError(
      "INBOX_DENIED",
      "the user may not subscribe to an inbox (_INBOX.>): requests and JetStream do not work without one",
      field,
    );
  return new ProbeError(
    "PERMISSION_NOT_SHOWN",
    `the user may not publish to ${userInfo}, by which the server would tell what it may: see that it may use the subjects that it needs`,
    field,
  );
}
