import { setTimeout as sleep } from "node:timers/promises";
import { createInbox, Empty, type Msg } from "@nats-io/nats-core/internal";
import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import { type Probe, ProbeError } from "../sdk/connector.ts";
import { readUserInfo } from "./read-user-info.ts";
import type { NatsTarget } from "./select-server.ts";

/** Where a server, from 2.9 on, tells a user about itself. The server answers; no other client has a part in that. */
const userInfo = "$SYS.REQ.USER.INFO";

/** How long the answer may take, in milliseconds. Older servers give none. */
const answerMs = 1000;

/**
 * Subscribes to an inbox of our own and asks the server who the user is: neither changes anything. Both are messages of the
 * account all the same: a client of it that subscribes to everything (`>`) hears the empty question, and the answer in the
 * inbox. A user who is refused
 * both cannot be told from one who may do nothing, and fails. One who is refused one of them may have all that it needs,
 * and gets a warning.
 */
export async function verifyPermissions({ session, loginField, step }: NatsTarget, probe: Probe): Promise<void> {
  const { connection, violations, unlessClosed } = session;
  const authorize = step(TestStage.AUTHORIZE, loginField);
  const ask = async () => {
    const { promise: answer, resolve } = Promise.withResolvers<Msg | undefined>();
    const inbox = createInbox();
    connection.subscribe(inbox, { max: 1, callback: (error, message) => resolve(error ? undefined : message) });
    connection.publish(userInfo, Empty, { reply: inbox });
    // The server has refused what it refuses before it answers this.
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
