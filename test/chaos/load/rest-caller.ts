import { canary } from "../../support/canary.ts";
import { type Answer, type Call, type Caller, deadlineSeconds, giveUpMs, noAnswer, stateOfProfile } from "./answer.ts";

/** The members that are looked at of an envelope, a profile or a problem. */
interface Body {
  readonly connection?: { readonly id: string; readonly isActive?: boolean };
  readonly id?: string;
  readonly revision?: string;
  readonly labels?: { readonly op?: string };
  readonly deleted_at?: string;
  readonly code?: string;
  readonly reason?: string;
  readonly detail?: string;
}

/** Sends calls over REST with plain `fetch`. */
export function openRestCaller(httpUrl: string, token: string): Caller {
  const send = async (call: Call): Promise<Answer> => {
    const { method, path, body } = requestOf(call);
    const response = await fetch(`${httpUrl}/v1/${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        "connect-timeout-ms": String(deadlineSeconds * 1000),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...("requestId" in call ? { "idempotency-key": call.requestId } : {}),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(giveUpMs),
    });
    const answer = (await response.json()) as Body;
    if (!response.ok) {
      // What has no code of ours is an error of its own: every failure is a problem detail.
      return { code: answer.code ?? `HTTP_${response.status}`, reason: answer.reason ?? "", text: answer.detail ?? "" };
    }
    return { code: "OK", reason: "", text: "", ...stateOf(answer) };
  };
  return { call: (call) => send(call).catch(noAnswer), close: () => undefined };
}

function requestOf(call: Call): { method: string; path: string; body?: object } {
  switch (call.name) {
    case "create-connection": {
      const [userId1, userId2] = call.users;
      return { method: "POST", path: "connections", body: { connectionId: call.id, userId1, userId2 } };
    }
    case "delete-connection":
      return { method: "DELETE", path: `connections/${call.id}` };
    case "get-connection":
      return { method: "GET", path: `connections/${call.id}` };
    case "create-profile": {
      const config = { host: "127.0.0.1", username: "ann", password: canary("chaos") };
      const body = { name: call.profile, labels: { op: call.label }, connector: "postgres", config };
      return { method: "POST", path: "connection_profiles", body };
    }
    case "update-profile": {
      const body = { labels: { op: call.label }, update_mask: "labels" };
      return { method: "PATCH", path: `connection_profiles/${call.id}`, body };
    }
    case "delete-profile":
      return { method: "DELETE", path: `connection_profiles/${call.id}` };
    case "get-profile":
      return { method: "GET", path: `connection_profiles/${call.id}` };
  }
}

function stateOf({ connection, id = "", revision = "0", labels, deleted_at }: Body): Partial<Answer> {
  if (connection !== undefined)
    return { id: connection.id, revision: BigInt(revision), state: connection.isActive ? "active" : "deleted" };
  return { id, revision: BigInt(revision), state: stateOfProfile(deleted_at !== undefined, labels?.op) };
}
