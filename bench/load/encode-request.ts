import { randomUUID } from "node:crypto";
import { encodeProfile } from "./encode-profile.ts";
import type { Target } from "./target.ts";
import { writeString } from "./write-string.ts";

/** `user_id_1` and `user_id_2` are a letter and a UUID, so that the first always sorts before the second. */
const USER_ID_LENGTH = 37;

/** How many profiles ListConnectionProfiles is asked for. */
export const pageSize = 50;

/** `page_size` is the first field, and a varint. */
const firstPage = Buffer.of(1 << 3, pageSize);

/**
 * Writes the next request of a target's method: something new for a create, one of `ids` in turn for what takes an id.
 * The few bytes of protobuf are laid down by hand, because the generator shares two cores with what it measures.
 */
export function createEncoder({ method, ids, address = "" }: Target): () => Buffer {
  if (method === "CreateConnection") return encodeCreate;
  if (method === "CreateConnectionProfile") return () => encodeProfile(address);
  if (method === "ListConnectionProfiles") return () => firstPage;
  let turn = 0;
  return () => {
    const id = ids[turn++ % ids.length];
    if (id === undefined) throw new Error(`${method} needs ids to ask for`);
    return encodeId(id);
  };
}

function encodeCreate(): Buffer {
  const body = Buffer.allocUnsafe(2 * (2 + USER_ID_LENGTH));
  const second = writeString(body, 0, 3, `a${randomUUID()}`);
  writeString(body, second, 4, `b${randomUUID()}`);
  return body;
}

/** The id is the first field of every request that has one. */
function encodeId(id: string): Buffer {
  const body = Buffer.allocUnsafe(2 + id.length);
  writeString(body, 0, 1, id);
  return body;
}
