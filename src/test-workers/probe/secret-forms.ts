/** The encoded forms of a secret, in lower case, to search for in texts. */
export interface SecretForms {
  /**
   * Unchanged, with composed and decomposed accents, its bytes read as Latin-1, without blanks, reversed, and in hexadecimal
   * digits.
   */
  readonly plain: readonly string[];
  /** In base64, for each offset in a longer text. */
  readonly base64: readonly string[];
}

/**
 * The maximum length for normalization, in UTF-16 code units. A run of accents is sorted in quadratic time: 7 s for 64 kB, 2 ms
 * for this.
 */
const longestNormalized = 1024;

/** Returns the forms of a secret. */
export function secretForms(value: string): SecretForms {
  const bytes = Buffer.from(value);
  const accents = value.length > longestNormalized ? [] : [value.normalize("NFC"), value.normalize("NFD")];
  const read = [value, ...accents, bytes.toString("latin1")];
  const plain = [...read, withoutBlanks(value), [...value].reverse().join(""), bytes.toString("hex")];
  return { plain: [...new Set(plain.map((form) => form.toLowerCase()))], base64: base64Forms(bytes) };
}

/**
 * Returns the texts that reveal a secret: itself, the credentials after the scheme of an `Authorization` header, and the
 * decoded content of those.
 */
export function secretParts(value: string): readonly string[] {
  const [, scheme = "", credentials = ""] = /^([A-Za-z]+) +(\S+)$/.exec(value) ?? [];
  if (credentials === "") return [value];
  if (scheme.toLowerCase() !== "basic") return [value, credentials];
  const login = Buffer.from(credentials, "base64").toString();
  return [value, credentials, login, login.slice(login.indexOf(":") + 1)].filter((part) => part !== "");
}

/** Returns the base64 characters that depend on these bytes alone, for the three offsets in a group of three bytes. */
function base64Forms(bytes: Buffer): readonly string[] {
  return [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    const isWhole = (before + bytes.length) % 3 === 0;
    return text.slice([0, 2, 3][before], isWhole ? undefined : -1).toLowerCase();
  });
}

/** The decoded forms of a text, in lower case. */
export interface TextViews {
  readonly plain: readonly string[];
  readonly base64: string;
}

/**
 * Returns a text unchanged, without its escapes (percent, once and twice, JSON, HTML), without invisible characters (blanks,
 * and the zeros of UTF-16), and its hexadecimal digits.
 */
export function textViews(text: string): TextViews {
  const percent = fromPercent(text);
  const whole = fromEntities(fromEscapes(percent));
  const form = fromPercent(text.replaceAll("+", " "));
  const read = new Set([text, percent, fromPercent(percent), form, fromEscapes(text), fromEntities(text), whole]);
  const lower = [...read].map((view) => view.toLowerCase());
  const compact = withoutBlanks(text.replace(/\\[nr]/g, "")).toLowerCase();
  const digits = compact.replace(/0x|\\x/g, "").replace(/[^0-9a-f]/g, "");
  const joined = withoutBlanks(whole).toLowerCase();
  return { plain: [...lower, compact, joined, digits], base64: joined.replaceAll("-", "+").replaceAll("_", "/") };
}

function withoutBlanks(text: string): string {
  return text.replace(/[\s\p{C}]+/gu, "");
}

function fromPercent(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (run) => Buffer.from(run.replaceAll("%", ""), "hex").toString());
}

const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", b: "\b", f: "\f" };

function fromEscapes(text: string): string {
  return text.replace(/\\(?:u([0-9a-f]{4})|x([0-9a-f]{2})|(.))/gi, (_, wide, narrow, one: string) =>
    one === undefined ? String.fromCharCode(Number.parseInt(wide ?? narrow, 16)) : (escapes[one] ?? one),
  );
}

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function fromEntities(text: string): string {
  return text.replace(/&(?:#(\d{1,6})|#x([0-9a-f]{1,5})|(amp|lt|gt|quot|apos));/gi, (_, decimal, hex, name) =>
    name === undefined
      ? String.fromCodePoint(Number.parseInt(decimal ?? hex, decimal === undefined ? 16 : 10))
      : (entities[name.toLowerCase()] ?? ""),
  );
}
