import type { JsonObject } from "@bufbuild/protobuf";
import { jsonObjectOrEmpty } from "../../proto-schema/json-object.ts";
import type { StoredEvent } from "../log/event.ts";
import type { EventMessage } from "./event-sink.ts";

/** The fields of a response's envelope that depend on the action. */
const httpStatusOf: Readonly<Record<string, { statusCode: string; action: string; method: string }>> = {
  created: { statusCode: "201", action: "create", method: "POST" },
  updated: { statusCode: "200", action: "update", method: "PATCH" },
  deleted: { statusCode: "200", action: "delete", method: "DELETE" },
  expunged: { statusCode: "200", action: "expunge", method: "POST" },
  tested: { statusCode: "200", action: "test", method: "POST" },
};

/** Actions that change no record: they have an API event only. */
const auditOnly = ["tested"];

/** Actions after which the record is inactive. */
const terminalEvents = ["deleted", "expunged"];

/**
 * Returns the messages of an event, as CloudEvents 1.0 in Kafka's binary mode:
 *
 * * the API event, to `<prefix><object>-<action>`: the response's envelope with the record in it;
 * * the DB-level event, to `<prefix>connectory-dbevent-<object>-<action>`: the record itself, or for an update both records and
 *   the fields that differ. A test changes no record, and has none.
 *
 * Both have the event's id as their `ce_id`, the second with the suffix `-db`, so that it is unique for consumers that use the
 * id alone, and the same in every repeated delivery.
 */
export function toCloudEvents(event: StoredEvent, topicPrefix: string): readonly EventMessage[] {
  const [object = "", happened = ""] = event.type.split(".");
  const envelope = httpStatusOf[happened];
  if (envelope === undefined) throw new Error(`event ${event.id} has the unknown type ${event.type}`);
  const resource = object.replaceAll("-", "_");
  const record = jsonObjectOrEmpty(event.data[resource]);
  const api: JsonObject = {
    status: "OK",
    statusCode: envelope.statusCode,
    dataName: resource,
    action: envelope.action,
    method: envelope.method,
    userId: event.actor,
    requestId: event.requestId,
    rowCount: 1,
    [resource]: terminalEvents.includes(happened) ? { ...record, isActive: false } : record,
    ...(event.data.test === undefined ? {} : { test: event.data.test }),
  };
  const database: JsonObject =
    happened === "updated"
      ? change(resource, jsonObjectOrEmpty(event.data[`old_${resource}`]), record)
      : terminalEvents.includes(happened)
        ? { ...record, isActive: false }
        : record;
  const { key } = event;
  const apiMessage = {
    topic: `${topicPrefix}${object}-${happened}`,
    key,
    headers: headers(event, event.id, `connectory.${event.type}`),
    value: JSON.stringify(api),
  };
  if (auditOnly.includes(happened)) return [apiMessage];
  return [
    apiMessage,
    {
      topic: `${topicPrefix}connectory-dbevent-${object}-${happened}`,
      key,
      headers: headers(event, `${event.id}-db`, `connectory.dbevent.${event.type}`),
      value: JSON.stringify(database),
    },
  ];
}

function headers(event: StoredEvent, id: string, type: string): Record<string, string> {
  return {
    "content-type": "application/json",
    ce_specversion: "1.0",
    ce_id: id,
    ce_source: `/connectory/organizations/${encodeURIComponent(event.organizationId)}`,
    ce_type: type,
    ce_time: event.occurredAt.toISOString(),
    ce_subject: event.subject,
    ce_organization: event.organizationId,
    ce_revision: String(event.revision),
    ...(event.traceparent === null ? {} : { traceparent: event.traceparent }),
    ...(event.tracestate === null ? {} : { tracestate: event.tracestate }),
  };
}

/** Returns both records and, of each, only the fields that differ; a field that one of them does not have is left out there. */
function change(resource: string, before: JsonObject, after: JsonObject): JsonObject {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  const changed = [...names].filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
  const only = (record: JsonObject) =>
    Object.fromEntries(Object.entries(record).filter(([name]) => changed.includes(name)));
  return { [`old_${resource}`]: before, [resource]: after, oldDataValues: only(before), newDataValues: only(after) };
}
