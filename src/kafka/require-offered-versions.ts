import { createRequire } from "node:module";

type Versions = Record<number, { readonly minVersion: number; readonly maxVersion: number }>;

/** The used part of kafkajs' broker. */
interface Broker {
  readonly connectionPool: { readonly sasl?: unknown };
  apiVersions(): Promise<Versions>;
}

/** The code of the error for a request that the broker offers only in versions that kafkajs does not have. */
export const versionNotOffered = "ERR_VERSION_NOT_OFFERED";

/**
 * Patches kafkajs (2.2.4) so that it sends no request in a version that the broker has not offered: kafkajs reads the highest
 * offered version of a request and not the lowest. A request without a common version counts as not offered at all; a
 * connection for which it is necessary rejects with an error of the code `ERR_VERSION_NOT_OFFERED`.
 */
export function requireOfferedVersions(): void {
  const require = createRequire(import.meta.url);
  const { prototype }: { prototype: Broker } = require("kafkajs/src/broker/index.js");
  const {
    requests,
  }: {
    requests: Record<string, { readonly versions: readonly (string | number)[] }>;
  } = require("kafkajs/src/protocol/requests/index.js");
  const keys: Record<string, number> = require("kafkajs/src/protocol/requests/apiKeys.js");
  const ask = prototype.apiVersions;
  prototype.apiVersions = async function (this: Broker) {
    const offered = await ask.call(this);
    const necessary = this.connectionPool.sasl === undefined ? ["Metadata"] : [...ofLogin, "Metadata"];
    for (const [name, { versions }] of Object.entries(requests)) {
      const range = offered[keys[name] ?? -1];
      if (range === undefined || versions.length === 0) continue;
      const { minVersion, maxVersion } = range;
      if (versions.map(Number).some((version) => version >= minVersion && version <= maxVersion)) continue;
      if (necessary.includes(name)) throw notOffered(name, range);
      delete offered[keys[name] ?? -1];
    }
    return offered;
  };
}

/** Without a common version of the second one kafkajs would send what brokers before 1.0 expect. */
const ofLogin = ["SaslHandshake", "SaslAuthenticate"];

function notOffered(name: string, { minVersion, maxVersion }: Versions[number]): Error {
  const text = `the broker offers ${name} in the versions ${minVersion} to ${maxVersion} alone, and this client has none of them`;
  return Object.assign(new Error(text), { code: versionNotOffered });
}
