import type { RedisConfig } from "../../../gen/connectory/v1/redis_config_pb.js";
import type { FieldViolation } from "../../errors/api-error.ts";
import { validateCount } from "../sdk/validate-count.ts";
import { validateTls } from "../sdk/validate-tls.ts";
import { validateUrl } from "../sdk/validate-url.ts";
import { redisAddresses } from "./redis-address.ts";

/** Returns the violations of a configuration, without a connection. */
export function validateRedis(config: RedisConfig): readonly FieldViolation[] {
  const { address, addresses, tls } = config;
  return [
    ...checkEither(address, addresses),
    ...checkAddress("address", address, /^\/?(\d{1,9})?$/),
    // A cluster has only the database 0.
    ...addresses.flatMap((text, index) => checkAddress(`addresses[${index}]`, text, /^\/?0?$/)),
    ...checkSchemes(addresses),
    ...validateCount("addresses", redisAddresses(config)),
    ...validateTls(tls),
  ];
}

function checkEither(address: string, addresses: readonly string[]): FieldViolation[] {
  if (address === "" && addresses.length === 0)
    return [{ field: "address", description: "give address for a single server, or addresses for a cluster" }];
  if (address !== "" && addresses.length > 0)
    return [{ field: "addresses", description: "cannot go with address: a single server or a cluster" }];
  return [];
}

function checkAddress(field: string, text: string, path: RegExp): readonly FieldViolation[] {
  if (text === "") return field === "address" ? [] : [{ field, description: "must not be empty" }];
  const violations = validateUrl(field, text, ["redis", "rediss"]);
  if (violations.length > 0) return violations;
  const url = new URL(text);
  if (!path.test(url.pathname))
    return [{ field, description: "may have the number of a database as its path and nothing else; a cluster has 0" }];
  return url.search === "" ? [] : [{ field, description: "must not have a query" }];
}

/** Announced addresses have no scheme, so all configured ones must agree on theirs. */
function checkSchemes(addresses: readonly string[]): FieldViolation[] {
  const schemes = new Set(addresses.map((text) => URL.parse(text)?.protocol ?? ""));
  return schemes.size > 1 && !schemes.has("")
    ? [{ field: "addresses", description: "must all have the same scheme: redis or rediss" }]
    : [];
}
