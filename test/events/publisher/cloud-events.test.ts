import { describe, expect, test } from "vitest";
import type { StoredEvent } from "../../../src/events/log/event.ts";
import { toCloudEvents } from "../../../src/events/publisher/cloud-events.ts";

const record = {
  id: "01890a5d-ac96-774b-bcce-b302099a8057",
  connectedSince: "2026-01-02T03:04:05.678Z",
  userId1: "alice",
  userId2: "bob",
  isActive: true,
  recordVersion: 1,
  createdAt: "2026-01-02T03:04:05.678Z",
  updatedAt: "2026-01-02T03:04:05.678Z",
  _owner: "alice",
};
const archivedAt = "2026-02-02T00:00:00.000Z";
const archived = { ...record, isActive: false, recordVersion: 2, updatedAt: archivedAt, _archivedAt: archivedAt };

const created: StoredEvent = {
  organizationId: "acme & co",
  revision: 9007199254740993n,
  id: "0192f0c4-0000-7000-8000-000000000001",
  type: "connection.created",
  subject: record.id,
  key: "alice,bob",
  actor: "carol",
  requestId: "request-1",
  traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  tracestate: "vendor=1",
  occurredAt: new Date("2026-01-02T03:04:05.678Z"),
  data: { connection: record },
};

const values = (event: StoredEvent) => toCloudEvents(event, "").map(({ value }) => JSON.parse(value));
const topics = (event: StoredEvent) => toCloudEvents(event, "").map(({ topic }) => topic);

describe("projectEvent", () => {
  test("a created connection: both messages, exactly", () => {
    const headers = {
      "content-type": "application/json",
      ce_specversion: "1.0",
      ce_id: created.id,
      ce_source: "/connectory/organizations/acme%20%26%20co",
      ce_type: "connectory.connection.created",
      ce_time: "2026-01-02T03:04:05.678Z",
      ce_subject: record.id,
      ce_organization: "acme & co",
      ce_revision: "9007199254740993",
      traceparent: created.traceparent,
      tracestate: "vendor=1",
    };
    const envelope = {
      status: "OK",
      statusCode: "201",
      dataName: "connection",
      action: "create",
      method: "POST",
      userId: "carol",
      requestId: "request-1",
      rowCount: 1,
      connection: record,
    };
    expect(toCloudEvents(created, "staging-")).toEqual([
      { topic: "staging-connection-created", key: "alice,bob", headers, value: JSON.stringify(envelope) },
      {
        topic: "staging-connectory-dbevent-connection-created",
        key: "alice,bob",
        headers: { ...headers, ce_id: `${created.id}-db`, ce_type: "connectory.dbevent.connection.created" },
        value: JSON.stringify(record),
      },
    ]);
  });

  test("without a trace there is no traceparent header", () => {
    for (const { headers } of toCloudEvents({ ...created, traceparent: null, tracestate: null }, ""))
      for (const name of ["traceparent", "tracestate"]) expect(headers).not.toHaveProperty(name);
  });

  test("a deleted connection: the record as it was left, not active", () => {
    const deleted: StoredEvent = {
      ...created,
      type: "connection.deleted",
      data: { connection: archived, old_connection: record },
    };
    expect(topics(deleted)).toEqual(["connection-deleted", "connectory-dbevent-connection-deleted"]);
    const [api, database] = values(deleted);
    expect(api).toMatchObject({ statusCode: "200", action: "delete", method: "DELETE", connection: archived });
    expect(database).toEqual(archived);
  });

  test("an updated profile: both records, and of each only what differs", () => {
    const before = {
      id: "cp_1",
      name: "old",
      description: "d",
      config: { kafka: { bootstrapServers: "a:1" } },
      gone: 1,
    };
    const after = {
      id: "cp_1",
      name: "new",
      description: "d",
      config: { kafka: { bootstrapServers: "b:1" } },
      fresh: 2,
    };
    const updated: StoredEvent = {
      ...created,
      type: "connection-profile.updated",
      subject: "cp_1",
      key: "cp_1",
      data: { connection_profile: after, old_connection_profile: before },
    };
    expect(topics(updated)).toEqual(["connection-profile-updated", "connectory-dbevent-connection-profile-updated"]);
    const [api, database] = values(updated);
    expect(api).toMatchObject({ statusCode: "200", action: "update", method: "PATCH", dataName: "connection_profile" });
    expect(api.connection_profile).toEqual(after);
    expect(database).toEqual({
      old_connection_profile: before,
      connection_profile: after,
      oldDataValues: { name: "old", config: before.config, gone: 1 },
      newDataValues: { name: "new", config: after.config, fresh: 2 },
    });
  });

  test.each(["created", "deleted"] as const)("a %s profile goes to the topics of profiles", (happened) => {
    const profile = { id: "cp_1", name: "kafka" };
    const event: StoredEvent = {
      ...created,
      type: `connection-profile.${happened}`,
      data: { connection_profile: profile },
    };
    const expected = happened === "deleted" ? { ...profile, isActive: false } : profile;
    expect(topics(event)).toEqual([
      `connection-profile-${happened}`,
      `connectory-dbevent-connection-profile-${happened}`,
    ]);
    const [api, database] = values(event);
    expect(api.connection_profile).toEqual(expected);
    expect(database).toEqual(expected);
  });

  test("a type that this version does not know is refused, not guessed", () => {
    const event = { ...created, type: "connection.renamed" } as unknown as StoredEvent;
    expect(() => toCloudEvents(event, "")).toThrow("unknown type connection.renamed");
  });
});
