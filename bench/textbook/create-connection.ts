import { randomUUID, randomUUIDv7 } from "node:crypto";
import { create, toJson } from "@bufbuild/protobuf";
import { timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type MethodImpl } from "@connectrpc/connect";
import type { Knex } from "knex";
import { ConnectionSchema } from "../../gen/connectory/v1/connection_pb.js";
import type { ConnectionService, CreateConnectionRequest } from "../../gen/connectory/v1/connection_service_pb.js";
import { type User, userKey } from "./authenticate.ts";

/** One transaction per create: the connection, the organization's next revision, the event, the outbox row. */
export function createConnection(knex: Knex): MethodImpl<typeof ConnectionService.method.createConnection> {
  return async (request, context) => {
    if (request.userId1 >= request.userId2) {
      throw new ConnectError("user_id_1 must sort before user_id_2", Code.InvalidArgument);
    }
    const user = context.values.get(userKey);
    const row = toRow(request, user);
    const connection = toConnection(row);
    const key = `${row.user_id_1},${row.user_id_2}`;
    const data = JSON.stringify({ connection: toJson(ConnectionSchema, connection) });
    try {
      const revision = await knex.transaction(async (trx) => {
        await trx("connection").insert(row);
        const [organization] = await trx("organization")
          .where({ id: user.organizationId })
          .increment("revision", 1)
          .returning("revision");
        await trx("event").insert({
          organization_id: user.organizationId,
          revision: organization.revision,
          id: randomUUID(),
          type: "connection.created",
          subject: row.id,
          key,
          actor: user.id,
          request_id: randomUUID(),
          occurred_at: row.created_at,
          data,
        });
        await trx("outbox").insert({ topic: "connection-created", key, payload: data });
        return BigInt(organization.revision);
      });
      return { connection, revision };
    } catch (error) {
      if (isUniqueViolation(error)) throw new ConnectError("the two are connected already", Code.AlreadyExists);
      throw error;
    }
  };
}

function toRow(request: CreateConnectionRequest, user: User) {
  const now = new Date();
  return {
    organization_id: user.organizationId,
    id: request.connectionId || randomUUIDv7(),
    user_id_1: request.userId1,
    user_id_2: request.userId2,
    connected_since: request.connectedSince === undefined ? now : timestampDate(request.connectedSince),
    is_active: true,
    record_version: 1,
    created_at: now,
    updated_at: now,
    owner: user.id,
  };
}

function toConnection(row: ReturnType<typeof toRow>) {
  return create(ConnectionSchema, {
    id: row.id,
    connectedSince: timestampFromDate(row.connected_since),
    userId1: row.user_id_1,
    userId2: row.user_id_2,
    isActive: row.is_active,
    recordVersion: row.record_version,
    createdAt: timestampFromDate(row.created_at),
    updatedAt: timestampFromDate(row.updated_at),
    owner: row.owner,
  });
}

function isUniqueViolation(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "23505";
}
