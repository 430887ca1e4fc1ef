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
  readonly ready: ConnectorWithConfig;
  /** Without its secrets: for storage and responses. */
  readonly bare: ConnectorConfig;
  readonly description: string;
  /** Secrets of the request. */
  readonly given: Secrets;
  /** Paths of stored secrets that the configuration no longer contains. */
  readonly removed: readonly string[];
  /** The digest of the destination of its secrets. */
  readonly destination: Uint8Array;
  /** True when the profile has stored secrets and its destination changes. */
  readonly rebound: boolean;
}

/**
 * Resolves the configuration of a request, with all of its secrets: `ready` to dial with, `toKeep` to store. The request's
 * message stays unchanged. `named` is the connector's name in the request; empty: none. Throws CONNECTOR_UNKNOWN,
 * CONNECTOR_WITHOUT_PROFILE, CONNECTOR_MISMATCH or FIELD_INVALID.
 */
export function resolveNew(
  { registry, rules }: Pick<ResolveDeps, "registry" | "rules">,
  organizationId: string,
  named: string,
  whole: ConnectorConfig,
): { ready: ConnectorWithConfig; bare: ConnectorConfig; toKeep: () => ResolvedConfig } {
  const { connector, config: brought } = selectConnector(registry, [named], whole);
  const { config, secrets: given } = splitSecrets(connector.config, brought);
  const copy = clone(connector.config, brought);
  const ready = validateConfig(rules, organizationId, { connector, config: copy }, { given, opened: new Map() });
  const bare = bareOf({ connector, config });
  // Computed only for storage: a live test needs no digest.
  const toKeep = () => ({ ...kept({ connector, config }, bare), ready, given, removed: [], rebound: false });
  return { ready, bare, toKeep };
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
  const { config, secrets: given, paths } = splitSecrets(connector.config, merged);
  const cleared = new Set(edits.paths?.map(([, ...path]) => path.join(".")));
  const staying = stored.filter(({ path }) => paths.has(path) && !given.has(path) && !cleared.has(path));
  const bare = kept({ connector, config });

  const from = destinationDigestOf(before);
  const moved = !Buffer.from(from).equals(bare.destination);
  if (moved && staying.length > 0) throw rebindRequired(connector.id, staying);

  const opened = await secretStore.open({ organizationId, profileId: profile.id, destination: from }, staying);
  const ready = validateConfig(rules, organizationId, { connector, config: merged }, { given, opened });
  const remaining = new Set([...staying.map(({ path }) => path), ...given.keys()]);
  const removed = stored.map(({ path }) => path).filter((path) => !remaining.has(path));
  return { ...bare, ready, given, removed, rebound: moved && stored.length > 0 };
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
function bareOf(choice: ConnectorWithConfig): ConnectorConfig {
  const bare = toConnectorConfig(choice);
  checkSize(bare);
  return bare;
}

function kept(choice: ConnectorWithConfig, bare = bareOf(choice)) {
  return { bare, description: choice.connector.describe(choice.config), destination: destinationDigestOf(choice) };
}

function rebindRequired(connector: string, staying: readonly { readonly path: string }[]): ApiError {
  const paths = staying.map(({ path }) => `config.${connector}.${path}`);
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
