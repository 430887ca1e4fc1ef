import type { Message } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { type Connector, endpointName } from "../../connectors/sdk/connector.ts";
import { configTexts, type SecretText } from "./config-texts.ts";
import { secretForms, secretParts, textViews } from "./secret-forms.ts";

/** What is shown in place of a text of the other side that has a secret in it. */
export const scrubbed = "[redacted]";

/** Keeps secrets that the other side of a test sends back out of what the test tells. */
export interface SecretScrubber {
  /** True when a text holds a secret, as it is or in a form in which it travels. */
  reveals(text: string): boolean;
  /** The text, or `[redacted]` in its place: what is left of it around a secret would tell how long that is. */
  scrub(text: string): string;
  /** One more secret, such as a token that was given for one of the configuration. */
  addSecret(value: string): void;
}

/** A shorter secret is in many a text by chance: it is looked for as the whole of one, and beside what it stands with. */
const minLength = 4;
/** A form that begins where a text is shown, and is longer than this, there is not. */
const longest = 65_536;

/**
 * For the secrets of a configuration. What a configuration shows anyway is no secret: with a password that is the user's name
 * too, the name is shown, and the log-in made of both is not.
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
