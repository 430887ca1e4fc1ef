import type { Socket } from "node:net";
import type { RedisConfig } from "../../../gen/connectory/v1/redis_config_pb.js";
import type { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import type { Target } from "../../egress/egress-policy.ts";
import { endpointName, type Probe, type Step } from "../sdk/connector.ts";
import { redirectedNode } from "./cluster-nodes.ts";
import { addressField } from "./redis-address.ts";
import { openSession, type RedisClient } from "./session.ts";
import { translateRedisError } from "./translate-redis-error.ts";

/** A connection to a server or to a node of a cluster. */
export interface RedisNode extends RedisClient {
  readonly at: Target;
  /** The target of a redirect reply; undefined without one. */
  readonly redirected: Target | undefined;
  /** Runs a step of the test at this node. */
  step<T>(stage: TestStage, run: () => Promise<T>, warning?: Step["warning"]): Promise<T>;
}

/** Returns a client on a socket to a node, with the steps of the test. */
export function connectToNode(at: Target, socket: Socket, config: RedisConfig, probe: Probe): RedisNode {
  const field = addressField(config);
  const endpoint = endpointName(at);
  let redirected: Target | undefined;
  const translate = (error: unknown) => {
    redirected ??= redirectedNode(error);
    return translateRedisError(error, field);
  };
  return {
    at,
    ...openSession(socket),
    get redirected() {
      return redirected;
    },
    step: (stage, run, warning) => probe.step({ stage, endpoint, field, translate, warning }, run),
  };
}
