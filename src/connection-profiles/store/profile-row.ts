import {
  create,
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
  type MessageShape,
  toJson,
} from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  type ConnectionProfile,
  ConnectionProfileSchema,
  type LastTest,
  LastTestSchema,
  SecretStateSchema,
} from "../../../gen/connectory/v1/connection_profile_pb.js";
import { ConnectorConfigSchema } from "../../../gen/connectory/v1/connector_pb.js";
import { TestReportSchema } from "../../../gen/connectory/v1/test_report_pb.js";
import { secretPaths } from "../config/secret-fields.ts";

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
  /** The report of `last_test`. Undefined in lists, which do not read it. */
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

/** The visible states of a profile's secrets, as JSON of the database; null when it has none. */
export type SecretStateRows = readonly { path: string; fingerprint: string; updated_at: string }[] | null;

/**
 * Returns the profile as the message of the API. Needs no key: a profile with unreadable secrets is still listed, and one with
 * an unreadable configuration or last test is listed without it.
 */
export function toConnectionProfile(row: ProfileRow, states: SecretStateRows): ConnectionProfile {
  const config = read(ConnectorConfigSchema, row.config);
  const member = ConnectorConfigSchema.fields.find((field) => field.localName === config?.connector.case);
  const possible = member?.message === undefined ? [] : secretPaths(member.message);
  const paths = [...new Set([...possible, ...(states ?? []).map(({ path }) => path)])];
  const lastTest = toLastTest(row.last_test, row.last_test_report ?? null);
  return create(ConnectionProfileSchema, {
    id: row.id,
    name: row.name,
    connector: row.connector,
    ...(config === undefined ? {} : { config }),
    description: row.description,
    labels: Object.fromEntries(Object.entries(row.labels).map(([name, value]) => [name, String(value)])),
    etag: row.etag,
    revision: row.revision,
    createdAt: timestampFromDate(row.created_at),
    updatedAt: timestampFromDate(row.updated_at),
    createdBy: row.created_by,
    updatedBy: row.updated_by,
    ...(row.deleted_at === null ? {} : { deletedAt: timestampFromDate(row.deleted_at) }),
    ...(lastTest === undefined ? {} : { lastTest }),
    secrets: paths.map((path) => {
      const state = states?.find((secret) => secret.path === path);
      if (state === undefined) return { path };
      const updatedAt = timestampFromDate(new Date(state.updated_at));
      return { path, set: true, fingerprint: state.fingerprint, updatedAt };
    }),
  });
}

/** Returns the profile as JSON for the history: in proto names, without its last test. */
export function toRecord(profile: ConnectionProfile): JsonObject {
  const { lastTest: _, ...lasting } = profile;
  return toJson(ConnectionProfileSchema, create(ConnectionProfileSchema, lasting), {
    useProtoFieldName: true,
  }) as JsonObject;
}

/**
 * Returns the profile as JSON for events: as for the history, without the fingerprints of secrets, because the consumers of
 * events are unknown to this service.
 */
export function toEventRecord(profile: ConnectionProfile): JsonObject {
  const secrets = profile.secrets.map((secret) => create(SecretStateSchema, { ...secret, fingerprint: "" }));
  return toRecord(create(ConnectionProfileSchema, { ...profile, secrets }));
}

/** Returns the profile of a JSON record; an empty profile when it is unreadable. */
export function fromRecord(record: JsonValue): ConnectionProfile {
  return read(ConnectionProfileSchema, record) ?? create(ConnectionProfileSchema);
}

/** Ignores fields that this version does not know, and returns undefined for damaged JSON, so that a list does not fail. */
function read<Desc extends DescMessage>(schema: Desc, json: JsonValue): MessageShape<Desc> | undefined {
  try {
    return fromJson(schema, json, { ignoreUnknownFields: true });
  } catch {
    return undefined;
  }
}

function toLastTest(test: JsonValue | null, report: JsonValue | null): LastTest | undefined {
  const lastTest = test === null ? undefined : read(LastTestSchema, test);
  const found = report === null ? undefined : read(TestReportSchema, report);
  if (lastTest !== undefined && found !== undefined) lastTest.report = found;
  return lastTest;
}
