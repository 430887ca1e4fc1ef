import { clone, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import type { Secrets } from "../secrets/open-vault.ts";
import { secretSlots } from "./secret-slots.ts";

/** A copy of a configuration without its secrets, and the secrets that were set in it. */
export function splitSecrets<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
): { config: MessageShape<Desc>; secrets: Secrets } {
  const config = clone(schema, message);
  const secrets = new Map<string, Uint8Array>();
  for (const slot of secretSlots(reflect(schema, config))) {
    const value = slot.get();
    if (value.length > 0) secrets.set(slot.path, value);
    slot.clear();
  }
  return { config, secrets };
}

/** A copy of a configuration with its secrets put back. */
export function joinSecrets<Desc extends DescMessage>(
  schema: Desc,
  config: MessageShape<Desc>,
  secrets: Secrets,
): MessageShape<Desc> {
  const message = clone(schema, config);
  for (const slot of secretSlots(reflect(schema, message))) {
    const value = secrets.get(slot.path);
    if (value !== undefined) slot.set(value);
  }
  return message;
}
