import { randomUUID } from "node:crypto";
import { writeHead, writeString } from "./write-string.ts";

/** The secret of every profile of the bench, which nothing outside of it knows. */
export const profilePassword = "0123456789abcdefghijklmnopqrstuv";

/** Tag and length of a field. */
const head = 2;
const fields = { name: 1, config: 3, redis: 5, address: 1, password: 4 } as const;

/** A CreateConnectionProfile of a Redis server with a password, under a name of its own. */
export function encodeProfile(address: string): Buffer {
  const name = randomUUID();
  const redis = head + address.length + head + profilePassword.length;
  const body = Buffer.allocUnsafe(head + name.length + head + head + redis);
  const config = writeHead(body, writeString(body, 0, fields.name, name), fields.config, head + redis);
  const member = writeHead(body, config, fields.redis, redis);
  writeString(body, writeString(body, member, fields.address, address), fields.password, profilePassword);
  return body;
}
