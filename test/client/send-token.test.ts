import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { isReason } from "../../src/client/index.ts";
import { createConnectoryClient } from "../../src/client/node/index.ts";
import { createTokenCache } from "../../src/client/token-cache.ts";
import { startTestApp, type TestApp } from "../support/app.ts";

let app: TestApp;
let good: string;
beforeAll(async () => {
  app = await startTestApp();
  good = await app.token();
});
afterAll(() => app.stop());

/** A function that answers with these tokens in turn, the last one for ever. */
function inTurn(...tokens: string[]) {
  const asked: string[] = [];
  const token = async () => {
    await sleep(20);
    asked.push(tokens[asked.length] ?? tokens.at(-1) ?? "");
    return asked.at(-1) ?? "";
  };
  return { asked, token };
}

const read = (token: string | (() => string | Promise<string>)) =>
  createConnectoryClient({ baseUrl: `http://${app.grpcAddress}`, token }).connectionProfiles;
const failed = (call: Promise<unknown>) =>
  call.then(
    () => expect.unreachable("the call should have failed"),
    (error: unknown) => ConnectError.from(error),
  );

describe("a token function", () => {
  test("is asked once, and what it answered is kept", async () => {
    const { asked, token } = inTurn(good, "never-asked-for");
    const client = read(token);
    await Promise.all([client.listConnectors({}), client.listConnectors({})]);
    await client.listConnectors({});
    expect(asked).toEqual([good]);
  });

  test("may answer without a promise", async () => {
    await read(() => good).listConnectors({});
  });

  test("is asked once more when the server refuses the token, for all calls together", async () => {
    const { asked, token } = inTurn("stale", good);
    const client = read(token);
    await Promise.all(Array.from({ length: 20 }, () => client.listConnectors({})));
    expect(asked).toEqual(["stale", good]);
  });

  test("is asked no third time: the refusal is thrown", async () => {
    const { asked, token } = inTurn("stale", "stale-too", good);
    expect(isReason(await failed(read(token).listConnectors({})), ErrorReason.TOKEN_INVALID)).toBe(true);
    expect(asked).toEqual(["stale", "stale-too"]);
  });

  test("is asked no more for refusals that come at the very same time", async () => {
    const { asked, token } = inTurn("stale", good);
    const held = createTokenCache(token);
    const first = await held.take();
    const replaced = await Promise.all([held.replace(first), held.replace(first), held.replace("an-older-one")]);
    expect(replaced).toEqual([good, good, good]);
    expect(asked).toEqual(["stale", good]);
  });

  test("is not asked again because of another error", async () => {
    const { asked, token } = inTurn(good, "never-asked-for");
    const error = await failed(read(token).getConnector({ id: "kafak" }));
    expect(isReason(error, ErrorReason.CONNECTOR_NOT_FOUND)).toBe(true);
    expect(asked).toEqual([good]);
  });

  test("that answers the same again has the call sent no second time", async () => {
    const { asked, token } = inTurn("stale");
    const before = app.logged.length;
    await failed(read(token).listConnectors({}));
    const lines = () => app.logged.slice(before).filter((line) => line.includes("ListConnectors"));
    await expect.poll(lines).toHaveLength(1);
    expect(asked).toEqual(["stale", "stale"]);
  });

  test("that fails is told of, and asked again with the next call", async () => {
    let times = 0;
    const client = read(() => {
      times++;
      if (times === 1) throw new Error("the issuer is away");
      return good;
    });
    const error = await failed(client.listConnectors({}));
    expect(error.code).toBe(Code.Unauthenticated);
    expect(error.message).toContain("no token could be had: the issuer is away");
    await client.listConnectors({});
    expect(times).toBe(2);
  });

  test("decides itself what its failure means when it throws a ConnectError", async () => {
    let times = 0;
    await read(() => {
      times++;
      if (times === 1) throw new ConnectError("a moment", Code.Unavailable);
      return good;
    }).listConnectors({});
    expect(times).toBe(2);
  });

  test("replaces the token of a stream too, before its first message", async () => {
    const { asked, token } = inTurn("stale", good);
    const { connectionProfiles } = createConnectoryClient({ baseUrl: `http://${app.grpcAddress}`, token });
    const config = { connector: { case: "postgres", value: { host: "127.0.0.1", port: 1, username: "u" } } } as const;
    const messages = await Array.fromAsync(connectionProfiles.streamConnectionProfileTest({ config }));
    expect(messages.at(-1)?.done).toBe(true);
    expect(asked).toEqual(["stale", good]);
  });
});

describe("a token that is a string", () => {
  test("is refused once", async () => {
    expect(isReason(await failed(read("stale").listConnectors({})), ErrorReason.TOKEN_INVALID)).toBe(true);
  });

  test.each(["", "two words", "line\nbreak", "ümlaut"])(
    "never leaves, nor shows, when no header can carry it: %j",
    async (token) => {
      const error = await failed(read(token).listConnectors({}));
      expect(error.code).toBe(Code.Unauthenticated);
      expect(error.rawMessage).toBe("the token is empty, or has characters that a header cannot carry");
    },
  );
});
