import { create, fromJson, type JsonValue, toJson } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type ConnectionProfile, ConnectionProfileSchema } from "../../gen/connectory/v1/connection_profile_pb.js";
import { type ConnectorConfig, ConnectorConfigSchema } from "../../gen/connectory/v1/connector_pb.js";
import type { SealedSecret } from "./seal-secret.ts";
import { secretPaths } from "./secret-slots.ts";

/** A row of connection_profile. */
export interface ProfileRow {
  organization_id: string;
  id: string;
  name: string;
  connector: string;
  config: JsonValue;
  description: string;
  etag: string;
  revision: bigint;
  created_at: Date;
  updated_at: Date;
  created_by: string;
  updated_by: string;
}

/** A row of connection_profile_secret. */
export interface SecretRow {
  organization_id: string;
  profile_id: string;
  path: string;
  key_id: string;
  ciphertext: Buffer;
  fingerprint: string;
  updated_at: Date;
}

/** What may be told of it. */
export type SecretStateRow = Pick<SecretRow, "profile_id" | "path" | "fingerprint" | "updated_at">;

/** A sealed secret and the path of the field that it belongs to. */
export interface StoredSecret extends SealedSecret {
  readonly path: string;
}

/** A profile as it is answered. Works without any key: a profile whose secrets cannot be read is still listed. */
export function toConnectionProfile(row: ProfileRow, secrets: readonly SecretStateRow[]): ConnectionProfile {
  const config = fromStoredConfig(row.config);
  const member = ConnectorConfigSchema.fields.find((field) => field.localName === config.connector.case);
  const possible = member?.message === undefined ? [] : secretPaths(member.message);
  const paths = [...new Set([...possible, ...secrets.map(({ path }) => path)])];
  return create(ConnectionProfileSchema, {
    id: row.id,
    name: row.name,
    connector: row.connector,
    config,
    description: row.description,
    etag: row.etag,
    revision: row.revision,
    createdAt: timestampFromDate(row.created_at),
    updatedAt: timestampFromDate(row.updated_at),
    createdBy: row.created_by,
    updatedBy: row.updated_by,
    secrets: paths.map((path) => {
      const state = secrets.find((secret) => secret.path === path);
      return state === undefined
        ? { path }
        : { path, set: true, fingerprint: state.fingerprint, updatedAt: timestampFromDate(state.updated_at) };
    }),
  });
}

/** A configuration (without its secrets) as it is stored. */
export function toStoredConfig(config: ConnectorConfig): JsonValue {
  return toJson(ConnectorConfigSchema, config, { useProtoFieldName: true });
}

/** Fields that this version of the server does not know are left out rather than breaking a list. */
function fromStoredConfig(config: JsonValue): ConnectorConfig {
  return fromJson(ConnectorConfigSchema, config, { ignoreUnknownFields: true });
}
