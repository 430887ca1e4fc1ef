import { isReflectMessage, type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { ConnectorConfigSchema } from "../../gen/connectory/v1/connector_pb.js";
import { TlsConfigSchema } from "../../gen/connectory/v1/tls_config_pb.js";
import { isSecret } from "../contract/field-options.ts";
import { type FieldViolation, manyInvalid } from "../failure.ts";
import type { CheckMessage } from "../interceptors/validate.ts";
import { holdsPrivateKey } from "../pem/holds-private-key.ts";
import type { Substitution } from "../secrets/create-substitution.ts";
import { findReferences } from "../secrets/find-references.ts";
import { isMask } from "../secrets/is-mask.ts";
import type { Secrets } from "../secrets/open-vault.ts";
import { checkText } from "./check-text.ts";
import { type Choice, toConnectorConfig } from "./choose-connector.ts";
import { secretSlots } from "./secret-slots.ts";
import { joinSecrets, splitSecrets } from "./split-secrets.ts";

/** What a configuration is held against. */
export interface ConfigRules {
  /** The rules of `buf.validate`. */
  readonly checkMessage: CheckMessage;
  /** What `{{ NAME }}` in a secret stands for. */
  readonly substitution: Substitution;
}

/**
 * Finds everything that is wrong with a configuration (with its secrets) without dialling anybody, and throws FIELD_INVALID
 * with all of it. Of the secrets those that came with the request (`given`) are looked at: what is stored was, then. Returns the configuration with its references replaced: the form to dial with, never to keep.
 */
export function checkConfig(
  { checkMessage, substitution }: ConfigRules,
  organizationId: string,
  choice: Choice,
  given: Secrets,
): Choice {
  const { connector, config } = choice;
  const whole = toConnectorConfig(choice);
  checkMessage(ConnectorConfigSchema, whole, "config.");
  refuse([
    ...checkText(reflect(ConnectorConfigSchema, whole), "config."),
    ...checkSecrets(substitution, organizationId, given, `config.${connector.id}.`),
    ...checkValues(reflect(connector.config, config), `config.${connector.id}.`),
    ...checkShownTexts(reflect(ConnectorConfigSchema, whole), "config."),
  ]);
  const { config: bare, secrets } = splitSecrets(connector.config, config);
  const values = [...secrets].map(([path, value]) => [path, substitution.apply(organizationId, value)] as const);
  const ready = joinSecrets(connector.config, bare, new Map(values));
  const own = connector.check?.(ready) ?? [];
  refuse(own.map(({ field, description }) => ({ field: `config.${connector.id}.${field}`, description })));
  return { connector, config: ready };
}

const utf8 = new TextDecoder();

const maskDescription = "is a mask, not a secret: leave the field out to keep the stored value";

function checkSecrets(
  substitution: Substitution,
  organizationId: string,
  given: Secrets,
  prefix: string,
): readonly FieldViolation[] {
  return [...given].flatMap(([path, value]) => {
    const text = utf8.decode(value);
    const description = isMask(text) ? maskDescription : substitution.check(organizationId, text);
    return description === undefined ? [] : [{ field: `${prefix}${path}`, description }];
  });
}

/** Elements of lists and maps of secrets, such as headers, that have no value: neither a stored one nor one that came. */
function checkValues(config: ReflectMessage, prefix: string): readonly FieldViolation[] {
  return secretSlots(config)
    .filter((slot) => slot.path.endsWith("]") && slot.get().length === 0)
    .map(({ path }) => ({ field: `${prefix}${path}`, description: "has no value: give one, or leave it out" }));
}

/**
 * What must not stand where no secret is: references, because the server's environment must not be readable through what is
 * answered, and private keys, because such a field is kept and shown as it is.
 */
function checkShownTexts(message: ReflectMessage, prefix: string): readonly FieldViolation[] {
  return message.fields.flatMap((field): readonly FieldViolation[] => {
    if (!message.isSet(field)) return [];
    const path = `${prefix}${field.name}`;
    if (field.fieldKind === "message") return checkShownTexts(message.get(field), `${path}.`);
    // A map's keys are never secret.
    const keys = field.fieldKind === "map" ? [...message.get(field).keys()] : [];
    const values = field.fieldKind === "map" ? [...message.get(field).values()] : listed(message, field);
    return [...keys, ...(isSecret(field) ? [] : values)].flatMap((value: unknown) => {
      if (isReflectMessage(value)) return checkShownTexts(value, `${path}.`);
      if (typeof value !== "string") return [];
      const refers = findReferences(value).length > 0;
      return [
        ...(refers ? [{ field: path, description: "{{ NAME }} is only for secret fields" }] : []),
        ...(holdsPrivateKey(value) ? [{ field: path, description: misplacedKey(message) }] : []),
      ];
    });
  });
}

function misplacedKey({ desc, fields }: ReflectMessage): string {
  const place = fields.find((field) => field.name === "key" && isSecret(field));
  return place === undefined
    ? "holds a private key, and this field is kept and shown as it is: leave the key out"
    : `holds a private key: it belongs into ${desc === TlsConfigSchema ? "tls." : ""}${place.name}`;
}

function listed(message: ReflectMessage, field: ReflectMessage["fields"][number]): readonly unknown[] {
  const value: unknown = message.get(field);
  return field.fieldKind === "list" ? [...(value as Iterable<unknown>)] : [value];
}

function refuse(violations: readonly FieldViolation[]): void {
  if (violations.length > 0) throw manyInvalid(violations);
}
