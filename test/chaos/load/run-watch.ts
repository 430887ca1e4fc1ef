import { setTimeout as sleep } from "node:timers/promises";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  ConnectionChange,
  ConnectionService,
  WatchConnectionsRequestSchema,
  WatchConnectionsResponseSchema,
} from "../../../gen/connectory/v1/connection_service_pb.js";
import type { Random } from "../../support/random.ts";
import type { Watch } from "../check/evidence.ts";
import type { Answer } from "./answer.ts";
import { refusalOf } from "./grpc-caller.ts";
import type { History } from "./history.ts";
import { openGrpc } from "./open-grpc.ts";

export interface WatchOptions {
  readonly organization: string;
  readonly token: string;
  /** Where a stream is opened, one of them for each: gRPC addresses, or URLs for REST. */
  readonly servers: readonly string[];
  readonly protocol: "grpc" | "rest";
  readonly history: History;
  readonly random: Random;
  readonly signal: AbortSignal;
}

interface Change {
  readonly revision: bigint;
  readonly type: string;
  readonly id: string;
}

type Take = (change: Change) => void;

/** A stream is cut after this many milliseconds at most; a bookmark comes every 15 s. */
const longestMs = 8000;

const types: Readonly<Record<string, string>> = { CREATED: "connection.created", DELETED: "connection.deleted" };

/** Watches an organization from its first revision on, over streams that are cut and resumed at any of the servers. */
export async function runWatch(options: WatchOptions): Promise<Watch & { readonly position: () => bigint }> {
  const changes: Change[] = [];
  let position = 0n;
  let streams = 0;
  const take: Take = (change) => {
    position = change.revision;
    if (change.type !== "") changes.push(change);
  };
  const running = async () => {
    while (!options.signal.aborted) {
      streams += 1;
      const cut = AbortSignal.any([options.signal, AbortSignal.timeout(1000 + options.random.below(longestMs))]);
      const open = options.protocol === "grpc" ? watchGrpc : watchRest;
      const answer = await open(options, options.random.pick(options.servers), position, cut, take);
      options.history.answered("watch", answer);
      if (answer.code !== "OK" && !cut.aborted) await sleep(200);
    }
  };
  void running();
  return {
    organization: options.organization,
    protocol: options.protocol,
    changes,
    get streams() {
      return streams;
    },
    position: () => position,
  };
}

type OpenStream = (
  options: WatchOptions,
  server: string,
  after: bigint,
  cut: AbortSignal,
  take: Take,
) => Promise<Answer>;

const watchGrpc: OpenStream = async ({ token }, server, afterRevision, signal, take) => {
  const grpc = openGrpc(server);
  const message = toBinary(WatchConnectionsRequestSchema, create(WatchConnectionsRequestSchema, { afterRevision }));
  const path = `/${ConnectionService.typeName}/WatchConnections`;
  const onMessage = (bytes: Uint8Array) => {
    const { revision, change, connection } = fromBinary(WatchConnectionsResponseSchema, bytes);
    take({ revision, type: types[ConnectionChange[change]] ?? "", id: connection?.id ?? "" });
  };
  const end = await grpc.run({ path, token, message, signal, onMessage });
  grpc.close();
  return refusalOf(end);
};

/** A line of `application/x-ndjson`. */
interface Line {
  readonly event: string;
  readonly data?: {
    readonly revision?: string;
    readonly change?: string;
    readonly connection?: { readonly id: string };
    readonly code?: string;
    readonly reason?: string;
    readonly detail?: string;
  };
}

const watchRest: OpenStream = async ({ token }, server, after, signal, take) => {
  let end: Answer = { code: "NO_ANSWER", reason: "", text: "" };
  const read = (text: string) => {
    const { event, data = {} } = JSON.parse(text) as Line;
    if (event === "message")
      take({
        revision: BigInt(data.revision ?? ""),
        type: types[data.change?.replace("CONNECTION_CHANGE_", "") ?? ""] ?? "",
        id: data.connection?.id ?? "",
      });
    if (event === "error") end = { code: data.code ?? "", reason: data.reason ?? "", text: data.detail ?? "" };
  };
  try {
    const headers = { authorization: `Bearer ${token}`, accept: "application/x-ndjson" };
    const response = await fetch(`${server}/v1/connections:watch?after_revision=${after}`, { headers, signal });
    if (!response.ok) {
      const {
        code = `HTTP_${response.status}`,
        reason = "",
        detail = "",
      } = (await response.json()) as NonNullable<Line["data"]>;
      return { code, reason, text: detail };
    }
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines.filter((one) => one !== "")) read(line);
    }
  } catch {
    // Cut, by us or by a fault.
  }
  return end;
};
