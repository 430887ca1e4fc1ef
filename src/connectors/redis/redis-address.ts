import { create } from "@bufbuild/protobuf";
import type { RedisConfig } from "../../../gen/connectory/v1/redis_config_pb.js";
import { type TlsConfig, TlsConfigSchema } from "../../../gen/connectory/v1/tls_config_pb.js";
import type { Target } from "../../egress/egress-policy.ts";
import { endpointName } from "../sdk/connector.ts";

/** What the URL of a server says. */
export interface RedisAddress extends Target {
  /** `rediss`. */
  readonly encrypted: boolean;
  /** The number of the database to choose, from the path; 0 without one. */
  readonly database: number;
}

/** The port of both schemes: IANA has one for Redis. */
const usualPort = 6379;

/** The field that names the servers: a cluster has its own. */
export function addressField({ address }: RedisConfig): "address" | "addresses" {
  return address === "" ? "addresses" : "address";
}

/** The servers of a configuration, each once. Those that cannot be read are left out: `check` tells of them. */
export function redisAddresses({ address, addresses }: RedisConfig): readonly RedisAddress[] {
  const texts = address === "" ? addresses : [address];
  const read = texts.map(readAddress).filter((one) => one !== undefined);
  return [...new Map(read.map((one) => [endpointName(one), one])).values()];
}

/** The TLS that is meant: `rediss` turns it on without further settings. */
export function redisTls(config: RedisConfig): TlsConfig | undefined {
  const encrypted = redisAddresses(config).some((address) => address.encrypted);
  return config.tls ?? (encrypted ? create(TlsConfigSchema) : undefined);
}

/** Undefined for what is no URL. The host without brackets and in lower case: schemes other than HTTP's keep the case. */
function readAddress(text: string): RedisAddress | undefined {
  const url = URL.parse(text);
  if (url === null) return undefined;
  return {
    host: url.hostname.replace(/^\[|\]$/g, "").toLowerCase(),
    port: url.port === "" ? usualPort : Number(url.port),
    encrypted: url.protocol === "rediss:",
    database: Number(/^\/(\d+)$/.exec(url.pathname)?.[1] ?? 0),
  };
}
