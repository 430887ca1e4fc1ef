import { create } from "@bufbuild/protobuf";
import type { RedisConfig } from "../../../gen/connectory/v1/redis_config_pb.js";
import { type TlsConfig, TlsConfigSchema } from "../../../gen/connectory/v1/tls_config_pb.js";
import type { Target } from "../../egress/egress-policy.ts";
import { endpointName } from "../sdk/connector.ts";

/** The parsed URL of a server. */
export interface RedisAddress extends Target {
  /** True for the scheme `rediss`. */
  readonly encrypted: boolean;
  /** The number of the database, from the path. Default: 0. */
  readonly database: number;
}

/** The default port of both schemes, assigned by IANA. */
const usualPort = 6379;

/** Returns the field with the servers: a cluster has its own. */
export function addressField({ address }: RedisConfig): "address" | "addresses" {
  return address === "" ? "addresses" : "address";
}

/** Returns the servers of a configuration, each once. Invalid ones are left out; `validate` reports them. */
export function redisAddresses({ address, addresses }: RedisConfig): readonly RedisAddress[] {
  const texts = address === "" ? addresses : [address];
  const read = texts.map(readAddress).filter((one) => one !== undefined);
  return [...new Map(read.map((one) => [endpointName(one), one])).values()];
}

/** Returns the effective TLS settings: `rediss` enables TLS without further settings. */
export function redisTls(config: RedisConfig): TlsConfig | undefined {
  const encrypted = redisAddresses(config).some((address) => address.encrypted);
  return config.tls ?? (encrypted ? create(TlsConfigSchema) : undefined);
}

/**
 * Returns undefined for an invalid URL. The host has no brackets and is in lower case, because the URL parser keeps the case
 * for schemes other than HTTP's.
 */
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
