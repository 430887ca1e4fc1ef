import { randomUUID } from "node:crypto";

/** The calls that the bench makes. */
export type Method = "CreateConnection" | "GetConnection";

/** `user_id_1` and `user_id_2` are a letter and a UUID, so that the first always sorts before the second. */
const USER_ID_LENGTH = 37;

/**
 * Writes the next request of a method: a new random pair for a create, one of `ids` in turn for a get. The few bytes
 * of protobuf are laid down by hand, because the generator shares two cores with what it measures.
 */
export function createEncoder(method: Method, ids: readonly string[]): () => Buffer {
  if (method === "CreateConnection") return encodeCreate;
  let turn = 0;
  return () => {
    const id = ids[turn++ % ids.length];
    if (id === undefined) throw new Error("GetConnection needs ids to ask for");
    return encodeGet(id);
  };
}

function encodeCreate(): Buffer {
  const body = Buffer.allocUnsafe(2 * (2 + USER_ID_LENGTH));
  const second = writeString(body, 0, 3, `a${randomUUID()}`);
  writeString(body, second, 4, `b${randomUUID()}`);
  return body;
}

function encodeGet(id: string): Buffer {
  const body = Buffer.allocUnsafe(2 + id.length);
  writeString(body, 0, 1, id);
  return body;
}

/** A protobuf string field of less than 128 ASCII characters: tag, length, text. */
function writeString(body: Buffer, at: number, field: number, text: string): number {
  body[at] = (field << 3) | 2;
  body[at + 1] = text.length;
  return at + 2 + body.write(text, at + 2, "latin1");
}
