import type { RedisConfig } from "../../../gen/connectory/v1/redis_config_pb.js";
import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import type { RedisNode } from "./connect.ts";
import { pingRedis } from "./ping.ts";
import { redisTls } from "./redis-address.ts";

/** Logs in. Without credentials it is the first exchange, which a server that requires a log-in rejects. */
export async function logInRedis(node: RedisNode, config: RedisConfig): Promise<void> {
  const { username, password } = config;
  const names = username === "" ? [] : [username];
  const isNeeded = username !== "" || password !== "";
  const inClear = password !== "" && redisTls(config) === undefined;
  await node.step(
    TestStage.AUTHENTICATE,
    () => (isNeeded ? node.ask("AUTH", ...names, password) : pingRedis(node)),
    inClear ? passwordInClear : undefined,
  );
}

const passwordInClear = { code: "PASSWORD_IN_CLEAR", hint: "the password travels in clear: take rediss" };
