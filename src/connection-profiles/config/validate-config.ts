import { isReflectMessage, type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { type ConnectorConfig, ConnectorConfigSchema } from "../../../gen/connectory/v1/connector_pb.js";
import { TlsConfigSchema } from "../../../gen/connectory/v1/tls_config_pb.js";
import { type FieldViolation, fieldsInvalid, manyInvalid } from "../../errors/api-error.ts";
import type { CheckMessage } from "../../interceptors/validate.ts";
import { containsPrivateKey } from "../../pem/contains-private-key.ts";
import { isSecret } from "../../proto-schema/field-options.ts";
import { type EnvReferenceResolver, findReferences } from "../../secrets/references/env-references.ts";
import { isMaskedValue } from "../../secrets/references/masked-value.ts";
import type { Secrets } from "../../secrets/secret-store.ts";
import { toStoredConfig } from "./canonical-json.ts";
import { joinSecrets, type SecretField } from "./secret-fields.ts";
import { type ConnectorWithConfig, toConnectorConfig } from "./select-connector.ts";

/** What a configuration is held against. */
export interface ConfigRules {
  /** The rules of `buf.validate`. */
  readonly checkMessage: CheckMessage;
  /** What `{{ NAME }}` in a secret stands for. */
  readonly substitution: EnvReferenceResolver;
}

/**
 * Makes of a configuration the form to dial with, never to keep: puts the stored secrets (`opened`) into it, finds everything
 * that is wrong with the whole without dialling anybody, and puts values in place of references. It changes the message that
 * it gets. Throws FIELD_INVALID with all that is wrong. Of the secrets those that came with the request (`given`, they are in
 * the configuration already) are looked at: what is stored was, then.
 */
export function validateConfig(
  { checkMessage, substitution }: ConfigRules,
  organizationId: string,
  choice: ConnectorWithConfig,
  { given, opened }: { readonly given: Secrets; readonly opened: Secrets },
): ConnectorWithConfig {
  const { connector, config } = choice;
  const slots = joinSecrets(connector.config, config, opened);
  const whole = toConnectorConfig(choice);
  checkMessage(ConnectorConfigSchema, whole, "config.");
  const prefix = `config.${connector.id}.`;
  const texts = checkTexts(reflect(ConnectorConfigSchema, whole), "config.");
  refuse([
    ...texts.malformed,
    ...checkSecrets(substitution, organizationId, given, prefix),
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
 * The most bytes of a configuration as JSON, its secrets not counted. An event holds it up to four times (the profile
 * before and after, and what changed of both), beside labels of 20 kB and states of secrets of 15 kB as often, and has to stay
 * below the 1 048 588 bytes that Kafka takes by default. The authorities that Debian brings along are 223 kB.
 */
export const maxConfigBytes = 225_000;

/** Throws ApiError FIELD_INVALID for a configuration that is too large to be kept. */
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
  given: Secrets,
  prefix: string,
): readonly FieldViolation[] {
  return [...given].flatMap(([path, value]) => {
    const text = utf8.decode(value);
    const description = isMaskedValue(text) ? maskDescription : substitution.check(organizationId, text);
    return description === undefined ? [] : [{ field: `${prefix}${path}`, description }];
  });
}

/** Elements of lists and maps of secrets, such as headers, that have no value: neither a stored one nor one that came. */
function checkElements(slots: readonly SecretField[], prefix: string): readonly FieldViolation[] {
  return slots
    .filter((slot) => slot.path.endsWith("]") && slot.get().length === 0)
    .map(({ path }) => ({ field: `${prefix}${path}`, description: "has no value: give one, or leave it out" }));
}

/** What is wrong with the texts of a message. */
export interface TextViolations {
  /** Neither the database nor any other system takes them. */
  readonly malformed: FieldViolation[];
  /**
   * They must not stand where no secret is: references, because the server's environment must not be readable through what is
   * answered, and private keys, because such a field is kept and shown as it is.
   */
  readonly misplaced: FieldViolation[];
}

/** Looks at every text in a message and those below it, once. */
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
    if (findReferences(value).length > 0)
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
