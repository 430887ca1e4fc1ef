import { clone, type MessageShape } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import type { ConnectionProfile } from "../../../gen/connectory/v1/connection_profile_pb.js";
import type { ConnectorConfig } from "../../../gen/connectory/v1/connector_pb.js";
import { ErrorReason } from "../../../gen/connectory/v1/error_reason_pb.js";
import type { ConnectorRegistry } from "../../connectors/registry.ts";
import { ApiError } from "../../errors/api-error.ts";
import type { SecretStore, Secrets } from "../../secrets/secret-store.ts";
import type { SavedProfile } from "../saved-profile.ts";
import { destinationDigest } from "./destination-digest.ts";
import { type ConfigEdits, mergeConfig } from "./merge-config.ts";
import { splitSecrets } from "./secret-fields.ts";
import { type ConnectorWithConfig, configMissing, selectConnector, toConnectorConfig } from "./select-connector.ts";
import { type ConfigRules, checkSize, validateConfig } from "./validate-config.ts";

/** Dependencies of `resolveNew` and `resolveEdits`. */
export interface ResolveDeps {
  readonly registry: ConnectorRegistry;
  readonly rules: ConfigRules;
  readonly secretStore: SecretStore;
}

/** A valid configuration in two forms: to store and to dial with. */
export interface ResolvedConfig {
  /** With its secrets and with references replaced: for the dialer only. */
  readonly withSecrets: ConnectorWithConfig;
  /** Without its secrets: for storage and responses. */
  readonly withoutSecrets: ConnectorConfig;
  readonly description: string;
  /** Secrets of the request. */
  readonly newSecrets: Secrets;
  /** Paths of stored secrets that the configuration no longer contains. */
  readonly removed: readonly string[];
  /** The digest of the destination of its secrets. */
  readonly destination: Uint8Array;
  /** True when the profile has stored secrets and its destination changes. */
  readonly needsRebind: boolean;
}

/**
 * Resolves the configuration of a request, with all of its secrets: `withSecrets` to dial with, `forStorage` to store. The
 * message of the request stays unchanged. `named` is the name of the connector in the request; empty: none. Throws
 * CONNECTOR_UNKNOWN, CONNECTOR_WITHOUT_PROFILE, CONNECTOR_MISMATCH or FIELD_INVALID.
 */
export function resolveNew(
  { registry, rules }: Pick<ResolveDeps, "registry" | "rules">,
  organizationId: string,
  named: string,
  requested: ConnectorConfig,
): { withSecrets: ConnectorWithConfig; withoutSecrets: ConnectorConfig; forStorage: () => ResolvedConfig } {
  const { connector, config: original } = selectConnector(registry, [named], requested);
  const { config, secrets: newSecrets } = splitSecrets(connector.config, original);
  const copy = clone(connector.config, original);
  const withSecrets = validateConfig(
    rules,
    organizationId,
    { connector, config: copy },
    { newSecrets, opened: new Map() },
  );
  const withoutSecrets = toBoundedConfig({ connector, config });
  // Computed only for storage: a live test needs no digest.
  const forStorage = () => ({
    ...storedParts({ connector, config }, withoutSecrets),
    withSecrets,
    newSecrets,
    removed: [],
    needsRebind: false,
  });
  return { withSecrets, withoutSecrets, forStorage };
}

/**
 * Resolves a saved configuration with edits. Stored secrets that the edits do not name remain, as long as their destination is
 * unchanged: otherwise throws SECRET_REBIND_REQUIRED, before any of them is decrypted. Throws CONFIG_UNREADABLE, and
 * FIELD_INVALID or a CONNECTOR_* reason like `resolveNew`. `named` is the connector's name in the request; default: empty,
 * none.
 */
export async function resolveEdits(
  { registry, rules, secretStore }: ResolveDeps,
  organizationId: string,
  { profile, stored }: SavedProfile,
  { named = "", ...edits }: ConfigEdits & { readonly named?: string },
): Promise<ResolvedConfig> {
  const base = requireReadable(profile);
  const before = selectConnector(registry, [named, edits.config?.connector.case ?? ""], base);
  const { connector } = before;
  const { value: merged } = mergeConfig(base, edits).connector;
  if (merged === undefined) throw configMissing();
  const { config, secrets: newSecrets, paths } = splitSecrets(connector.config, merged);
  const cleared = new Set(edits.paths?.map(([, ...path]) => path.join(".")));
  const keptSecrets = stored.filter(({ path }) => paths.has(path) && !newSecrets.has(path) && !cleared.has(path));
  const parts = storedParts({ connector, config });

  const from = destinationDigestOf(before);
  const destinationChanged = !Buffer.from(from).equals(parts.destination);
  if (destinationChanged && keptSecrets.length > 0) throw rebindRequired(connector.id, keptSecrets);

  const opened = await secretStore.open({ organizationId, profileId: profile.id, destination: from }, keptSecrets);
  const withSecrets = validateConfig(rules, organizationId, { connector, config: merged }, { newSecrets, opened });
  const remaining = new Set([...keptSecrets.map(({ path }) => path), ...newSecrets.keys()]);
  const removed = stored.map(({ path }) => path).filter((path) => !remaining.has(path));
  return { ...parts, withSecrets, newSecrets, removed, needsRebind: destinationChanged && stored.length > 0 };
}

/** Returns the stored configuration. Throws CONFIG_UNREADABLE when its row is damaged or was written by a later version. */
export function requireReadable({ config }: ConnectionProfile): ConnectorConfig {
  if (config?.connector.case !== undefined) return config;
  throw new ApiError(
    ErrorReason.CONFIG_UNREADABLE,
    "the stored configuration cannot be read by this version of the server: delete the profile, or ask the operator",
  );
}

/** Returns the digest of the destination of a stored configuration's secrets. */
export function destinationDigestOf({ connector, config }: ConnectorWithConfig): Uint8Array {
  return destinationDigest(connector.id, reflect(connector.config, config as MessageShape<typeof connector.config>));
}

/** Returns the configuration as a message. Throws FIELD_INVALID when it is too large. */
function toBoundedConfig(choice: ConnectorWithConfig): ConnectorConfig {
  const config = toConnectorConfig(choice);
  checkSize(config);
  return config;
}

/** Returns what is stored of a configuration without secrets, besides its secrets. */
function storedParts(choice: ConnectorWithConfig, withoutSecrets = toBoundedConfig(choice)) {
  return {
    withoutSecrets,
    description: choice.connector.describe(choice.config),
    destination: destinationDigestOf(choice),
  };
}

function rebindRequired(connector: string, keptSecrets: readonly { readonly path: string }[]): ApiError {
  const paths = keptSecrets.map(({ path }) => `config.${connector}.${path}`);
  const description = "the stored value is only for where it was sent so far: give it again";
  return new ApiError(
    ErrorReason.SECRET_REBIND_REQUIRED,
    `${paths.join(", ")}: the change sends secrets elsewhere, and a stored one is only for where it was sent so far: give them again`,
    {
      metadata: { secrets: paths.join(",") },
      preconditionViolations: paths.map((subject) => ({ type: "SECRET_REBIND_REQUIRED", subject, description })),
    },
  );
}
