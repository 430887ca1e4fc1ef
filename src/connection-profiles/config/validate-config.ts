import { isReflectMessage, type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { type ConnectorConfig, ConnectorConfigSchema } from "../../../gen/connectory/v1/connector_pb.js";
import { TlsConfigSchema } from "../../../gen/connectory/v1/tls_config_pb.js";
import { type FieldViolation, fieldsInvalid, manyInvalid } from "../../errors/api-error.ts";
import type { CheckMessage } from "../../interceptors/validate.ts";
import { containsPrivateKey } from "../../pem/contains-private-key.ts";
import { isSecret } from "../../proto-schema/field-options.ts";
import { type EnvReferenceResolver, holdsReference } from "../../secrets/references/env-references.ts";
import { isMaskedValue } from "../../secrets/references/masked-value.ts";
import type { Secrets } from "../../secrets/secret-store.ts";
import { toStoredConfig } from "./canonical-json.ts";
import { joinSecrets, type SecretField } from "./secret-fields.ts";
import { type ConnectorWithConfig, toConnectorConfig } from "./select-connector.ts";

/** The rules for a configuration. */
export interface ConfigRules {
  /** The rules of `buf.validate`. */
  readonly checkMessage: CheckMessage;
  /** Resolves `{{ NAME }}` in secrets. */
  readonly substitution: EnvReferenceResolver;
}

/**
 * Validates a configuration without dialing and makes it the form to dial with, never to store: sets the stored secrets
 * (`opened`) in the given message itself, then replaces references by their values. Throws FIELD_INVALID with all violations.
 * Only the secrets of the request (`given`, already in the configuration) are validated: stored ones were validated when they
 * were written.
 */
export function validateConfig(
  { checkMessage, substitution }: ConfigRules,
  organizationId: string,
  choice: ConnectorWithConfig,
  { newSecrets, opened }: { readonly newSecrets: Secrets; readonly opened: Secrets },
): ConnectorWithConfig {
  const { connector, config } = choice;
  const slots = joinSecrets(connector.config, config, opened);
  const whole = toConnectorConfig(choice);
  checkMessage(ConnectorConfigSchema, whole, "config.");
  const prefix = `config.${connector.id}.`;
  const texts = checkTexts(reflect(ConnectorConfigSchema, whole), "config.");
  refuse([
    ...texts.malformed,
    ...checkSecrets(substitution, organizationId, newSecrets, prefix),
    ...checkElements(slots, prefix),
    ...texts.misplaced,
  ]);
  for (const slot of slots) {
    const value = slot.get();
    const substituted = substitution.apply(organizationId, value);
    if (substituted !== value) slot.set(substituted);
  }
  const own = connector.validate?.(config) ?? [];
  refuse(own.map(({ field, description }) => ({ field: `${prefix}${field}`, description })));
  return choice;
}

/**
 * The maximum size of a configuration in bytes as JSON, without its secrets. An event contains it up to four times (the profile
 * before and after, and the changes of both), each time beside labels of 20 kB and states of secrets of 15 kB, and has to stay
 * below the 1 048 588 bytes that Kafka accepts by default. Debian's certificate authorities are 223 kB.
 */
export const maxConfigBytes = 225_000;

/** Throws ApiError FIELD_INVALID for a configuration that is larger than `maxConfigBytes`. */
export function checkSize(config: ConnectorConfig): void {
  const bytes = Buffer.byteLength(JSON.stringify(toStoredConfig(config)));
  if (bytes > maxConfigBytes)
    throw fieldsInvalid({
      field: "config",
      description: `is ${bytes} bytes as JSON without its secrets: at most ${maxConfigBytes} can be kept`,
    });
}

const utf8 = new TextDecoder();

const maskDescription = "is a mask, not a secret: leave the field out to keep the stored value";

function checkSecrets(
  substitution: EnvReferenceResolver,
  organizationId: string,
  newSecrets: Secrets,
  prefix: string,
): readonly FieldViolation[] {
  return [...newSecrets].flatMap(([path, value]) => {
    const text = utf8.decode(value);
    const description = isMaskedValue(text) ? maskDescription : substitution.check(organizationId, text);
    return description === undefined ? [] : [{ field: `${prefix}${path}`, description }];
  });
}

/** Returns violations for elements of secret lists and maps, such as headers, with neither a stored nor a new value. */
function checkElements(slots: readonly SecretField[], prefix: string): readonly FieldViolation[] {
  return slots
    .filter((slot) => slot.path.endsWith("]") && slot.get().length === 0)
    .map(({ path }) => ({ field: `${prefix}${path}`, description: "has no value: give one, or leave it out" }));
}

/** Violations of the strings of a message. */
export interface TextViolations {
  /** Strings that neither the database nor another system accepts: with NUL, or not well-formed Unicode. */
  readonly malformed: FieldViolation[];
  /**
   * Strings that only a secret field may contain: references, because responses must not reveal the server's environment, and
   * private keys, because other fields are stored and shown unchanged.
   */
  readonly misplaced: FieldViolation[];
}

/**
 * Checks every string in a message and its nested messages in one pass. `prefix` is the path of the message; default: empty.
 */
export function checkTexts(
  message: ReflectMessage,
  prefix = "",
  found: TextViolations = { malformed: [], misplaced: [] },
): TextViolations {
  const check = (value: unknown, path: string, mayBeSecret: boolean) => {
    if (isReflectMessage(value)) return void checkTexts(value, `${path}.`, found);
    if (typeof value !== "string") return;
    if (!value.isWellFormed() || value.includes("\0"))
      found.malformed.push({ field: path, description: "must be Unicode text without the character NUL" });
    if (mayBeSecret) return;
    if (holdsReference(value))
      found.misplaced.push({ field: path, description: "{{ NAME }} is only for secret fields" });
    if (containsPrivateKey(value)) found.misplaced.push({ field: path, description: misplacedKey(message) });
  };
  for (const field of message.sortedFields) {
    if (!message.isSet(field)) continue;
    const path = `${prefix}${field.name}`;
    const value: unknown = message.get(field);
    // A map's keys are never secret.
    if (field.fieldKind === "map") for (const key of message.get(field).keys()) check(key, path, false);
    const values = field.fieldKind === "map" || field.fieldKind === "list" ? contents(value) : [value];
    for (const one of values) check(one, path, isSecret(field));
  }
  return found;
}

/** The elements of a list or the values of a map. */
function contents(collection: unknown): Iterable<unknown> {
  const { values } = collection as { values(): Iterable<unknown> };
  return values.call(collection);
}

function misplacedKey({ desc, fields }: ReflectMessage): string {
  const place = fields.find((field) => field.name === "key" && isSecret(field));
  return place === undefined
    ? "holds a private key, and this field is kept and shown as it is: leave the key out"
    : `holds a private key: it belongs into ${desc === TlsConfigSchema ? "tls." : ""}${place.name}`;
}

function refuse(violations: readonly FieldViolation[]): void {
  if (violations.length > 0) throw manyInvalid(violations);
}
