import { clone, type DescField, type DescMessage, type MessageShape, ScalarType } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { isSecret, nestedMessage } from "../../proto-schema/field-options.ts";
import type { Secrets } from "../../secrets/secret-store.ts";

/** A secret field, or an element of one, in a message; set or not. */
export interface SecretField {
  /** The path in proto names: `sasl.password`, `headers["X-Key"].value`, `tokens[0]`. */
  readonly path: string;
  /** Returns the value's bytes, UTF-8 for a string; empty when it is not set. */
  get(): Uint8Array;
  set(bytes: Uint8Array): void;
  /** Removes the value. The element of a list or map remains, empty, so that the value can be set again at the same path. */
  clear(): void;
}

/** Returns every secret field of a message and of the messages that are set in it, in the order of the fields. */
export function secretFields(message: ReflectMessage, prefix = ""): readonly SecretField[] {
  return message.fields.flatMap((field) => {
    const path = `${prefix}${field.name}`;
    if (isSecret(field)) return slotsOf(message, field, path);
    return nestedMessage(field) === undefined
      ? []
      : elements(message, field, path).flatMap(([message, path]) => secretFields(message, `${path}.`));
  });
}

/** A configuration, and its secrets separately. */
export interface SplitConfig<Desc extends DescMessage> {
  readonly config: MessageShape<Desc>;
  /** The secrets that were set in it, by their paths. */
  readonly secrets: Secrets;
  /** The paths of all its secret fields, set or not. */
  readonly paths: ReadonlySet<string>;
}

/** Returns a copy of a configuration without its secrets, and the secrets that were set in it. */
export function splitSecrets<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): SplitConfig<Desc> {
  const config = clone(schema, message);
  const secrets = new Map<string, Uint8Array>();
  const paths = new Set<string>();
  for (const slot of secretFields(reflect(schema, config))) {
    const value = slot.get();
    if (value.length > 0) secrets.set(slot.path, value);
    paths.add(slot.path);
    slot.clear();
  }
  return { config, secrets, paths };
}

/** Sets secrets in the given message itself. Returns all of its secret fields. */
export function joinSecrets<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
  secrets: Secrets,
): readonly SecretField[] {
  const slots = secretFields(reflect(schema, message));
  for (const slot of slots) {
    const value = secrets.get(slot.path);
    if (value !== undefined) slot.set(value);
  }
  return slots;
}

const known = new WeakMap<DescMessage, readonly string[]>();

/** Returns the paths of a message's secret fields outside of lists and maps, set or not. */
export function secretPaths(schema: DescMessage): readonly string[] {
  // Cached, because they depend on the descriptor alone: computing them for each profile took a quarter of the time of a list.
  const paths = known.get(schema) ?? findPaths(schema, "");
  known.set(schema, paths);
  return paths;
}

function findPaths(schema: DescMessage, prefix: string): readonly string[] {
  return schema.fields.flatMap((field) => {
    const path = `${prefix}${field.name}`;
    if (field.fieldKind === "list" || field.fieldKind === "map") return [];
    if (isSecret(field)) return [path];
    const nested = nestedMessage(field);
    return nested === undefined ? [] : findPaths(nested, `${path}.`);
  });
}

function slotsOf(message: ReflectMessage, field: DescField, path: string): readonly SecretField[] {
  const { scalar } = field;
  if (field.fieldKind === "scalar") {
    const set = (bytes: Uint8Array) => message.set(field, fromBytes(scalar, bytes));
    return [{ path, get: () => toBytes(message.get(field)), set, clear: () => message.clear(field) }];
  }
  if (field.fieldKind === "list" && field.listKind === "scalar") {
    const list = message.get(field);
    return [...list].map((_, index) => {
      const set = (bytes: Uint8Array) => void list.set(index, fromBytes(scalar, bytes));
      return { path: `${path}[${index}]`, get: () => toBytes(list.get(index)), set, clear: () => set(nothing) };
    });
  }
  if (field.fieldKind === "map" && field.mapKind === "scalar") {
    const map = message.get(field);
    return [...map.keys()].map((key) => {
      const set = (bytes: Uint8Array) => void map.set(key, fromBytes(scalar, bytes));
      return { path: keyed(path, key), get: () => toBytes(map.get(key)), set, clear: () => set(nothing) };
    });
  }
  throw new Error(`${field}: only strings and bytes can be secret`);
}

const nothing = new Uint8Array(0);
const toUtf8 = new TextEncoder();
const fromUtf8 = new TextDecoder("utf-8", { ignoreBOM: true });

function toBytes(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value === "string") return toUtf8.encode(value);
  throw new Error("only strings and bytes can be secret");
}

function fromBytes(scalar: ScalarType | undefined, bytes: Uint8Array): string | Uint8Array {
  return scalar === ScalarType.BYTES ? bytes : fromUtf8.decode(bytes);
}

function keyed(path: string, key: unknown): string {
  return `${path}[${JSON.stringify(key)}]`;
}

/** Returns the messages in a field, each with its path. */
function elements(message: ReflectMessage, field: DescField, path: string): readonly [ReflectMessage, string][] {
  if (field.fieldKind === "message") return message.isSet(field) ? [[message.get(field), path]] : [];
  if (field.fieldKind === "list" && field.listKind === "message")
    return [...message.get(field)].map((element, index) => [element as ReflectMessage, `${path}[${index}]`]);
  if (field.fieldKind === "map" && field.mapKind === "message")
    return [...message.get(field)].map(([key, value]) => [value as ReflectMessage, keyed(path, key)]);
  return [];
}
