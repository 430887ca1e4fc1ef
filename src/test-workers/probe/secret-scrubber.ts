import type { Message } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { type Connector, endpointName } from "../../connectors/sdk/connector.ts";
import { configTexts, type SecretText } from "./config-texts.ts";
import { secretForms, secretParts, textViews } from "./secret-forms.ts";

/** Replaces a text of the remote system that holds a secret. */
export const scrubbed = "[redacted]";

/** Removes secrets that the remote system returns from the results of a test. */
export interface SecretScrubber {
  /** Returns true when a text holds a secret, unchanged or in an encoded form. */
  reveals(text: string): boolean;
  /** Returns the text, or `[redacted]` when it holds a secret: the rest of the text would reveal the length of the secret. */
  scrub(text: string): string;
  /** Adds a secret, such as a token issued for a secret of the configuration. */
  addSecret(value: string): void;
}

/**
 * The minimum length of a secret to search for inside texts. A shorter one occurs by chance, so it is compared with whole
 * texts, and searched for only joined with its neighbouring texts.
 */
const minLength = 4;
/** The part of a text that is searched, in UTF-16 code units; no form of a secret is longer. */
const longest = 65_536;

/**
 * Returns a scrubber for the secrets of a configuration. A text that the configuration also shows is not a secret: when a
 * password equals the user name, the name is shown, and the credentials that combine them are not.
 */
export function createSecretScrubber(connector: Connector, config: Message): SecretScrubber {
  const { secrets, shown } = configTexts(reflect(connector.config, config));
  const texts = [...shown, ...connector.endpoints(config).map(endpointName)].map((text) => text.toLowerCase());
  const isShown = (form: string) => texts.some((text) => text.includes(form));
  const plain = new Set<string>();
  const base64 = new Set<string>();
  const whole = new Set<string>();

  const addForms = (value: string) => {
    const forms = secretForms(value);
    for (const form of forms.plain) if (form.length >= minLength && !isShown(form)) plain.add(form);
    for (const form of forms.base64) if (form.length >= minLength && !isShown(form)) base64.add(form);
  };
  const add = ({ value, beside }: SecretText) => {
    if (value.length >= minLength) return addForms(value);
    if (!isShown(value.toLowerCase())) whole.add(value.toLowerCase());
    for (const text of beside) for (const pair of [`${text}:${value}`, `${value}:${text}`]) addForms(pair);
  };
  const addAll = ({ value, beside }: SecretText) => {
    for (const part of secretParts(value)) add({ value: part, beside });
  };
  for (const secret of secrets) addAll(secret);

  const reveals = (text: string) => {
    if (plain.size + whole.size === 0 || text === "") return false;
    const views = textViews(text.slice(0, longest));
    if (views.plain.some((view) => whole.has(view.trim()))) return true;
    for (const form of plain) if (views.plain.some((view) => view.includes(form))) return true;
    for (const form of base64) if (views.base64.includes(form)) return true;
    return false;
  };
  return {
    reveals,
    scrub: (text) => (reveals(text) ? scrubbed : text),
    addSecret: (value) => addAll({ value, beside: [] }),
  };
}
