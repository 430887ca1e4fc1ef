import { create, fromJson, type JsonObject, type JsonValue, toJson } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  type ConnectionProfile,
  ConnectionProfileSchema,
  type LastTest,
  LastTestSchema,
} from "../../gen/connectory/v1/connection_profile_pb.js";
import { type ConnectorConfig, ConnectorConfigSchema } from "../../gen/connectory/v1/connector_pb.js";
import { TestReportSchema } from "../../gen/connectory/v1/test_report_pb.js";
import { secretPaths } from "./secret-slots.ts";

/** A row of connection_profile. */
export interface ProfileRow {
  organization_id: string;
  id: string;
  name: string;
  connector: string;
  config: JsonValue;
  description: string;
  labels: Record<string, string>;
  etag: string;
  revision: bigint;
  created_at: Date;
  updated_at: Date;
  created_by: string;
  updated_by: string;
  deleted_at: Date | null;
  /** A LastTest without its report. */
  last_test: JsonValue | null;
  /** Not read for lists. */
  last_test_report?: JsonValue | null;
}

/** A row of connection_profile_secret. */
export interface SecretRow {
  organization_id: string;
  profile_id: string;
  path: string;
  key_id: string | null;
  data_key_id: string | null;
  ciphertext: Buffer;
  fingerprint: string;
  updated_at: Date;
}

/** What may be told of it. */
export type SecretStateRow = Pick<SecretRow, "profile_id" | "path" | "fingerprint" | "updated_at">;

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
    labels: row.labels,
    etag: row.etag,
    revision: row.revision,
    createdAt: timestampFromDate(row.created_at),
    updatedAt: timestampFromDate(row.updated_at),
    createdBy: row.created_by,
    updatedBy: row.updated_by,
    ...(row.deleted_at === null ? {} : { deletedAt: timestampFromDate(row.deleted_at) }),
    ...(row.last_test === null ? {} : { lastTest: toLastTest(row.last_test, row.last_test_report ?? null) }),
    secrets: paths.map((path) => {
      const state = secrets.find((secret) => secret.path === path);
      return state === undefined
        ? { path }
        : { path, set: true, fingerprint: state.fingerprint, updatedAt: timestampFromDate(state.updated_at) };
    }),
  });
}

/** A configuration (without its secrets) as it is stored. */
export function toStoredConfig(config: ConnectorConfig): JsonObject {
  return toJson(ConnectorConfigSchema, config, { useProtoFieldName: true }) as JsonObject;
}

/** A profile as history and events keep it: in proto names, without what is known of its last test. */
export function toRecord(profile: ConnectionProfile): JsonObject {
  const { lastTest: _, ...lasting } = profile;
  return toJson(ConnectionProfileSchema, create(ConnectionProfileSchema, lasting), {
    useProtoFieldName: true,
  }) as JsonObject;
}

/** The other way round. */
export function fromRecord(record: JsonValue): ConnectionProfile {
  return fromJson(ConnectionProfileSchema, record, { ignoreUnknownFields: true });
}

/** Fields that this version of the server does not know are left out rather than breaking a list. */
function fromStoredConfig(config: JsonValue): ConnectorConfig {
  return fromJson(ConnectorConfigSchema, config, { ignoreUnknownFields: true });
}

function toLastTest(test: JsonValue, report: JsonValue): LastTest {
  const lastTest = fromJson(LastTestSchema, test, { ignoreUnknownFields: true });
  if (report !== null) lastTest.report = fromJson(TestReportSchema, report, { ignoreUnknownFields: true });
  return lastTest;
}
