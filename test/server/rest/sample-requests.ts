import {
  create,
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  ScalarType,
  toJson,
} from "@bufbuild/protobuf";
import { ConnectionProfileService } from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectionService } from "../../../gen/connectory/v1/connection_service_pb.js";
import { ConnectorConfigSchema } from "../../../gen/connectory/v1/connector_pb.js";
import { httpRulesOf } from "../../../src/proto-schema/http/http-rule.ts";
import { discriminatorOf } from "../../../src/proto-schema/http/rest-mapping.ts";
import { fullConfigs } from "../../connection-profiles/full-configs.ts";
import { canaryPrefix } from "../../support/canary.ts";
import type { Random } from "../../support/random.ts";

/** A request before it is broken. */
export interface SampleRequest {
  method: string;
  path: string;
  query: [name: string, value: string][];
  body: JsonValue | undefined;
}

const rules = [ConnectionProfileService, ConnectionService].flatMap((service) =>
  service.methods.flatMap((method) => httpRulesOf(method).map((rule) => ({ rule, input: method.input }))),
);

/**
 * Configurations by their connector. What they would dial refuses at once, and their secrets are none that the scan at the
 * end of the run looks for: a broken request may well put one where a name belongs.
 */
const configs = fullConfigs.map((member): [string, JsonObject] => {
  const json = toJson(ConnectorConfigSchema, create(ConnectorConfigSchema, { connector: member })) as JsonObject;
  const text = JSON.stringify(json[member.case])
    .replaceAll(canaryPrefix, "fuzz")
    .replace(/[a-z0-9-]+\.example(:\d+)?/g, "127.0.0.1:1");
  return [member.case, JSON.parse(text) as JsonObject];
});

/** Ids of profiles and of connections that may be asked for, one's own and others'. */
export type KnownIds = readonly string[];

/** A request to any RPC of the contract, good or nearly so. */
export function sampleRequest(random: Random, ids: KnownIds): SampleRequest {
  const { rule, input } = random.pick(rules);
  const fitting = ids.filter((id) => id.startsWith("cp_") === rule.path.startsWith("/v1/connection_profiles"));
  const known = random.onceIn(10) ? ids : fitting;
  const path = rule.path.replace(/\{[^}]+\}/g, () => encodeURIComponent(random.pick(known)));
  const json = sampleMessage(random, input, known);
  for (const variable of rule.variables) delete json[variable];
  if (rule.body === "*") return { method: rule.verb, path, query: [], body: json };
  const query = Object.entries(json).map(([name, value]): [string, string] => [name, String(value)]);
  return { method: rule.verb, path, query, body: undefined };
}

function sampleMessage(random: Random, message: DescMessage, ids: KnownIds, depth = 0): JsonObject {
  const json: JsonObject = {};
  for (const field of message.fields) {
    const naming = discriminatorOf(field);
    const name = random.onceIn(2) ? field.name : field.jsonName;
    if (naming !== undefined && !random.onceIn(8)) {
      const [connector, config] = random.pick(configs);
      if (!random.onceIn(8)) json[naming.name] = connector;
      json[name] = config;
    } else if (naming === undefined && isWanted(random, field.name))
      json[name] = sampleValue(random, field, ids, depth);
  }
  return json;
}

/** What every request needs, and seldom what most of them do without. */
function isWanted(random: Random, name: string): boolean {
  if (["connector", "page_token", "parent", "update_mask"].includes(name)) return random.onceIn(20);
  return /^(name|requests|pairs|user_id|user_id_1|user_id_2|other_user_id)$/.test(name)
    ? !random.onceIn(20)
    : random.onceIn(3);
}

function sampleValue(random: Random, field: DescField, ids: KnownIds, depth: number): JsonValue {
  if (field.fieldKind === "list") return [one(random, field, ids, depth), one(random, field, ids, depth)];
  if (field.fieldKind === "map") return { team: "a", tier: "b" };
  return one(random, field, ids, depth);
}

function one(random: Random, field: DescField, ids: KnownIds, depth: number): JsonValue {
  if (field.message?.typeName === "google.protobuf.Timestamp") return "2026-01-31T12:00:00Z";
  if (field.message?.typeName === "google.protobuf.FieldMask") return random.pick(["name", "config", "labels,name"]);
  if (field.message !== undefined) return depth > 4 ? {} : sampleMessage(random, field.message, ids, depth + 1);
  if (field.enum !== undefined) return random.pick(field.enum.values).name;
  if (!("scalar" in field)) return null;
  if (field.scalar === ScalarType.BOOL) return random.onceIn(2);
  if (field.scalar !== ScalarType.STRING) return random.below(10);
  return sampleText(random, field.name, ids);
}

function sampleText(random: Random, name: string, ids: KnownIds): string {
  const number = random.below(500);
  if (name === "user_id_2" || name === "other_user_id") return `v${number}`;
  if (name.startsWith("user_id")) return `u${number}`;
  if (name === "name") return `n-${number}`;
  if (name === "filter") return random.pick(['name = "n-1"', 'labels.team = "a"', 'name = "n-*" AND labels.tier:*']);
  if (name === "order_by") return random.pick(["name", "created_at desc"]);
  if (name === "etag") return `r${random.below(100)}`;
  if (name === "request_id" || name === "connection_id")
    return `0190a6c0-0000-7000-8000-${String(number).padStart(12, "0")}`;
  return name === "id" ? random.pick(ids) : "";
}
