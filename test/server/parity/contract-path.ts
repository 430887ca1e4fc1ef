import type { DescMessage } from "@bufbuild/protobuf";

/**
 * The path of a field in the contract for one as a protocol tells it: with JSON names, or with the member of a configuration left
 * out. `member` is the connector that the request was about. What is no path of the message stays as it is.
 */
export function contractPath(message: DescMessage, path: string, member: string | undefined): string {
  const [segment = "", ...rest] = path.split(".");
  const [, name = "", index = ""] = /^([^[]*)(\[.*\])?$/.exec(segment) ?? [];
  const field = message.fields.find((testTarget) => testTarget.name === name || testTarget.jsonName === name);
  if (field !== undefined) {
    if (rest.length === 0) return `${field.name}${index}`;
    const inner = field.message;
    return `${field.name}${index}.${inner === undefined ? rest.join(".") : contractPath(inner, rest.join("."), member)}`;
  }
  const chosen =
    message.oneofs.length === 1 ? message.fields.find((testTarget) => testTarget.name === member) : undefined;
  if (chosen?.message === undefined) return path;
  return `${chosen.name}.${contractPath(chosen.message, path, undefined)}`;
}

/** The connector that a request in protobuf JSON has a configuration of. */
export function memberOf(request: { config?: unknown }): string | undefined {
  return Object.keys((request.config ?? {}) as object)[0];
}
