import { type Client, Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { ConnectionProfileService } from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectionService } from "../../../gen/connectory/v1/connection_service_pb.js";
import type { TestApp } from "../../support/app.ts";
import { postRpc, toolCall } from "../mcp/post-rpc.ts";

/** What the caller reads: a status, and the sentence for people. */
export interface Answer {
  readonly status: number | string;
  readonly says: string;
}

/** A request with a mistake in it. */
export type Mistake = (sender: Sender) => Promise<Answer>;

/** A mistake, the status of the answer, and what the answer says, or a part of it. */
export type Row = readonly [mistake: string, send: Mistake, status: number | string, says: string];

/** The four ways to send one. */
export interface Sender {
  readonly http: (what: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>;
  readonly tool: (name: string, args: unknown) => Promise<Answer>;
  readonly connections: Client<typeof ConnectionService>;
  readonly profiles: Client<typeof ConnectionProfileService>;
}

/** Sends mistakes to a server; the token is an admin's. */
export function createSender({ httpUrl, grpcAddress }: TestApp, token: string): Sender {
  const transport = createGrpcTransport({
    baseUrl: `http://${grpcAddress}`,
    interceptors: [
      (next) => (request) => {
        request.header.set("authorization", `Bearer ${token}`);
        return next(request);
      },
    ],
  });
  return {
    http: async (what, body, headers = {}) => {
      const [method = "", path = ""] = what.split(" ");
      const response = await fetch(httpUrl + path, {
        method,
        redirect: "manual",
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: typeof body === "string" ? Buffer.from(body) : JSON.stringify(body) }),
      });
      const text = await response.text();
      const json = text.startsWith("{") ? JSON.parse(text) : {};
      const said = json.detail ?? json.message ?? json.error?.message ?? response.headers.get("location") ?? text;
      return { status: response.status, says: String(said) };
    },
    tool: async (name, args) => {
      const { status, messages } = await postRpc(httpUrl, toolCall(name, args), { token });
      const [{ result, error } = { result: undefined, error: undefined }] = messages;
      if (result === undefined) return { status, says: String(error?.message) };
      return { status: result.isError === true ? "tool error" : "result", says: result.content[0].text };
    },
    connections: createClient(ConnectionService, transport),
    profiles: createClient(ConnectionProfileService, transport),
  };
}

/** The answer to a call over gRPC. */
export async function overGrpc(call: Promise<unknown>): Promise<Answer> {
  try {
    await call;
  } catch (error) {
    const { code, rawMessage } = ConnectError.from(error);
    return { status: Code[code], says: rawMessage };
  }
  return { status: "OK", says: "" };
}
