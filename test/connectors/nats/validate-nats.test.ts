import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { createAccount, createUser } from "@nats-io/nkeys";
import { describe, expect, test } from "vitest";
import { NatsConfigSchema } from "../../../gen/connectory/v1/nats_config_pb.js";
import { readUserJwt } from "../../../src/connectors/nats/read-user-jwt.ts";
import { connectors } from "../../../src/connectors/registry.ts";

const config = (init: MessageInitShape<typeof NatsConfigSchema>) => create(NatsConfigSchema, init);
const violated = (init: MessageInitShape<typeof NatsConfigSchema>) =>
  (connectors.nats.validate?.(config(init)) ?? []).map(({ field }) => field);

const jwtOf = (claims: unknown) => `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.c2ln`;
const [user, other, account] = [createUser(), createUser(), createAccount()];
const seedOf = (key: typeof user) => new TextDecoder().decode(key.getSeed());
const good = jwtOf({ sub: user.getPublicKey(), nats: { type: "user" } });
const login = (jwt: string, nkeySeed: string) => ({
  servers: "a",
  authentication: { case: "jwt" as const, value: { jwt, nkeySeed } },
});

describe("the servers", () => {
  test("are names and addresses, each once, with the port that is usual", () => {
    const servers = "a, B.example:4333 ,nats://c:1,tls://[2001:db8::1],[2001:DB8::1]:4222,10.0.0.1:4,A:4222";
    expect(violated({ servers })).toEqual([]);
    expect(connectors.nats.describe(config({ servers }))).toBe(servers);
    expect(connectors.nats.endpoints(config({ servers }))).toEqual([
      { host: "a", port: 4222 },
      { host: "b.example", port: 4333 },
      { host: "c", port: 1 },
      { host: "2001:db8::1", port: 4222 },
      { host: "10.0.0.1", port: 4 },
    ]);
  });

  test.each([
    "a:0",
    "a:70000",
    "a,",
    "nats://u:p@a",
    "token@a",
    "ws://a",
    "http://a",
    "nats://a/b",
    "2001:db8::1",
    "a b",
    "a:1:2",
  ])("%j are refused", (servers) => {
    expect(violated({ servers })).toEqual(["servers"]);
  });
});

describe("a log-in with a JWT", () => {
  test("is a user's, with the seed of that user", () => {
    expect(violated(login(good, seedOf(user)))).toEqual([]);
  });

  test.each([
    ["another user's seed", login(good, seedOf(other)), ["jwt.nkey_seed"]],
    ["an account's seed", login(good, seedOf(account)), ["jwt.nkey_seed"]],
    ["a broken seed", login(good, seedOf(user).replace(/.$/, "!")), ["jwt.nkey_seed"]],
    [
      "an account's JWT",
      login(jwtOf({ sub: account.getPublicKey(), nats: { type: "account" } }), seedOf(user)),
      ["jwt.jwt"],
    ],
    ["a JWT of nobody", login(jwtOf({ nats: { type: "user" } }), seedOf(user)), ["jwt.jwt"]],
    ["no JWT", login("no-jwt", "no-seed"), ["jwt.jwt", "jwt.nkey_seed"]],
  ])("%s is refused, without its secrets in the answer", (_, init, fields) => {
    expect(violated(init)).toEqual(fields);
    const text = JSON.stringify(connectors.nats.validate?.(config(init)));
    expect(text).not.toContain(init.authentication.value.nkeySeed);
    expect(text).not.toContain(init.authentication.value.jwt);
  });

  test("tells when it ends", () => {
    expect(readUserJwt(jwtOf({ sub: "U", exp: 1_700_000_000, nats: { type: "user" } }))?.expires).toBe(
      1_700_000_000_000,
    );
    for (const exp of [1e300, 8.64e12 + 1, -1, "soon"])
      expect(readUserJwt(jwtOf({ sub: "U", exp, nats: { type: "user" } }))).toEqual({
        subject: "U",
        expires: undefined,
      });
    expect(readUserJwt(good)).toEqual({ subject: user.getPublicKey(), expires: undefined });
  });
});
