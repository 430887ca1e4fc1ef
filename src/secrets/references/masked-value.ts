/** Characters that replace hidden ones. Those of the first group can be typed, so one or two of them may be a real value. */
const typable = String.raw`*#xX._\-?=~+`;
const bullets = "•●∙·◦○⬤⚫▪■█▮▒░▓✱✲✳⁕﹡＊∗⁎…‧";

/** Words for the masking of a value. */
const hiding: ReadonlySet<string> = new Set(
  "redacted masked hidden concealed scrubbed obfuscated sanitized sanitised suppressed".split(" "),
);

/** Texts in place of a secret that are no secrets, with or without brackets. */
const words = new Set([
  ...hiding,
  ...["data omitted", "value specified in no log parameter", "sensitive value set", "sensitive value", "not shown"],
  ...["null", "undefined", "none", "nil", "nan", "n/a", "object object", "not set", "unset", "unchanged"],
]);

/** Texts in place of a secret only in brackets, underscores or asterisks: without those they may be a password. */
const bracketed = new Set([
  ...["secret", "password", "passwd", "pwd", "passphrase", "token", "key", "api key", "credential", "credentials"],
  ...["private key", "value", "sensitive", "filtered", "protected", "omitted", "removed", "encrypted", "private"],
  ...["configured", "set", "saved", "stored", "empty", "blank", "db password", "known after apply", "keep"],
]);

const brackets =
  /^(?:<(.*)>|\[(.*)\]|\((.*)\)|\{([^{}]*)\}|"(.*)"|'(.*)'|(?:::|__|--|\$\$|%%)(.*)(?:::|__|--|\$\$|%%)|\*+(.*?)\*+)$/s;
/** Characters around a word that is a placeholder in any case: `%REDACTED%`, `#hidden#`. */
const around = /^[%#~=`_:|-]+|[%#~=`_:|-]+$/g;
const onlyMarks = new RegExp(`^(?:([${typable}])\\1{2,}|\\*{1,}|[${bullets}\\s]+)$`, "u");
/** `••••4242`: no secret contains three of these characters in sequence. */
const runOfBullets = new RegExp(`[${bullets}]{3,}`, "u");
const ownConstants = [/^\*\*MetabasePass\*\*$/, /^__n8n_BLANK_VALUE_/, /^::es_redacted::$/];

/** The maximum length of a masking word: longer texts are not parsed, however many brackets they contain. */
const longest = 256;

/**
 * Returns true for placeholders that user interfaces and other systems show for a secret: `****`, `••••4242`, `xxxxxxxx`,
 * `<redacted>`, `[FILTERED]`, `(sensitive value)`, `null`, `postgres://ann:***@db`. Written back, one would replace the secret.
 */
export function isMaskedValue(value: string): boolean {
  const text = value.trim();
  if (text === "") return false;
  if (onlyMarks.test(text) || runOfBullets.test(text) || ownConstants.some((constant) => constant.test(text)))
    return true;
  if (text.length > longest) return false;
  if (isMostlyHidden(text) || isWord(text) || hasMaskedPart(text)) return true;
  const read = decoded(text);
  return read !== text && isMaskedValue(read);
}

/**
 * Returns whether masking characters are at least half of the text, with the visible ends of the value around them:
 * `AKIA****************`, `****4242`, `**** **** **** 4242`, `ab***yz`, `xxxx1234`, `XXXX-XXXX-1234`, `sk-...abcd`,
 * `sk_live_****4242`.
 */
function isMostlyHidden(text: string): boolean {
  // Blanks and dashes between groups are ignored.
  const joined = text.replace(/(?<=[*xX])[ .-](?=[*xX\w])/g, "");
  const [run = ""] = /\*{4,}/.exec(joined) ?? [];
  return (run !== "" && run.length * 2 >= joined.length) || ends.some((form) => form.test(joined));
}

/** At most four visible characters at each end: a text with more may be a value. */
const ends = [
  /^\w{0,4}\*{3,}\w{0,4}$/,
  /^(?:x{4,}|X{4,})\w{1,4}$/,
  /^(?:[a-z]{2,5}[-_][\w-]{0,12}|[A-Z]{4})?(?:\.{3}|…)\w{4}$/,
  /^[a-z]{2,5}[-_][\w-]{0,12}\*{4,}\w{4}$/,
];

/**
 * Decodes placeholders that were encoded: `%2A%2A%2A`, `&bull;&bull;&bull;`, `\u2022\u2022\u2022`, or UTF-8 read as Latin-1.
 */
function decoded(text: string): string {
  return text
    .replaceAll("â€¢", "•")
    .replace(/&(?:bull|#8226|#x2022);|\\u2022|%E2%80%A2/gi, "•")
    .replace(/&(?:ast|#42|#x2a);|\\u002a|%2A/gi, "*")
    .replace(/&lt;|%3C/gi, "<")
    .replace(/&gt;|%3E/gi, ">")
    .replace(/%5B/gi, "[")
    .replace(/%5D/gi, "]");
}

function isWord(text: string): boolean {
  const inside = brackets
    .exec(text)
    ?.slice(1)
    .find((group) => group !== undefined);
  if (inside === undefined) return words.has(plain(text)) || words.has(plain(text.replace(around, "")));
  if (words.has(plain(inside)) || bracketed.has(plain(inside)) || isMaskedValue(inside)) return true;
  // `[REDACTED alloc::string::String]` has text after the word; `<your password>` is a manual's placeholder.
  const [first = ""] = plain(inside).split(" ");
  return hiding.has(first) || (first === "your" && text.startsWith("<"));
}

function plain(text: string): string {
  return text
    .toLowerCase()
    .replace(/[\s_+-]+/g, " ")
    .trim();
}

/** Returns whether the password of a URL, or the credentials after the scheme of an `Authorization` header, are masked. */
function hasMaskedPart(text: string): boolean {
  const [, password] = /^[a-z][a-z0-9+.-]*:\/\/[^/\s:@]*:([^/\s@]+)@/i.exec(text) ?? [];
  const [, credentials] = /^(?:basic|bearer|digest|token|apikey) +(\S+)$/i.exec(text) ?? [];
  return [password, credentials].some((part) => part !== undefined && isMaskedValue(part));
}
