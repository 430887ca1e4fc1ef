import { expect } from "vitest";
import type { TestApp } from "../../support/app.ts";

/** An answer over REST. */
export interface RestAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: JSON of every shape, which the tests look into
  readonly json: any;
}

/** What a call may have besides its path. */
export interface RestRequest {
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

/** Calls such as `call("POST /v1/connections", { body })`, with a token. */
export type CallRest = (what: string, request?: RestRequest) => Promise<RestAnswer>;

export function callRest(app: TestApp, token: string): CallRest {
  return async (what, { body, headers = {} } = {}) => {
    const [method = "", path = ""] = what.split(" ");
    const raw = typeof body === "string" || body instanceof Uint8Array || body === undefined;
    const response = await fetch(app.httpUrl + path, {
      method,
      headers: {
        ...(token === "" ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: raw ? (body as string) : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get("content-type") ?? "") && text !== "";
    return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : undefined };
  };
}

/** What every problem detail has. */
export const problem = (status: number, reason: string) => ({
  type: `urn:connectory:error:${reason}`,
  title: expect.stringMatching(/^[A-Z][a-z ]+$/),
  status,
  detail: expect.stringMatching(/./),
  instance: expect.stringMatching(/^urn:connectory:request:[A-Za-z0-9._:-]{1,64}$/),
  code: expect.stringMatching(/^[A-Z_]+$/),
  reason,
  requestId: expect.stringMatching(/^[A-Za-z0-9._:-]{1,64}$/),
});
