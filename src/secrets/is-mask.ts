/** Signs that stand for hidden letters. A keyboard has the first group, so that one or two of them may be a real value. */
const typable = String.raw`*#xX._\-?=~+`;
const bullets = "•●∙·◦○⬤⚫▪■█＊∗⁎…‧";

/** What is written in place of a secret and cannot be meant as one, without brackets around it too. */
const words = new Set([
  ...["redacted", "masked", "hidden", "concealed", "scrubbed", "obfuscated", "sanitized", "sanitised", "suppressed"],
  ...["data omitted", "value specified in no log parameter", "sensitive value set", "sensitive value", "not shown"],
  ...["null", "undefined", "none", "nil", "nan", "n/a", "object object", "not set", "unset", "unchanged"],
]);

/** The same, when it stands in brackets, underscores or asterisks: without those it may be somebody's password. */
const bracketed = new Set([
  ...["secret", "password", "passwd", "pwd", "passphrase", "token", "key", "api key", "credential", "credentials"],
  ...["private key", "value", "sensitive", "filtered", "protected", "omitted", "removed", "encrypted", "private"],
  ...["configured", "set", "saved", "stored", "empty", "blank", "db password", "known after apply", "keep"],
]);

const brackets =
  /^(?:<(.*)>|\[(.*)\]|\((.*)\)|\{([^{}]*)\}|"(.*)"|'(.*)'|(?:::|__|--|\$\$|%%)(.*)(?:::|__|--|\$\$|%%)|\*+(.*?)\*+)$/s;
const onlyMarks = new RegExp(`^(?:([${typable}])\\1{2,}|\\*{1,}|[${bullets}\\s]+)$`, "u");
/** `••••4242`: no secret has such a sign among three more. */
const runOfBullets = new RegExp(`[${bullets}]{3,}`, "u");
const ownConstants = [/^\*\*MetabasePass\*\*$/, /^__n8n_BLANK_VALUE_/, /^::es_redacted::$/];

/** No word for a mask is longer: what is, is not taken apart, whatever brackets it is made of. */
const longest = 256;

/**
 * True for what screens and other systems show in place of a secret: `****`, `••••4242`, `xxxxxxxx`, `<redacted>`,
 * `[FILTERED]`, `(sensitive value)`, `null`, `postgres://ann:***@db`. Written back, it would replace the secret.
 */
export function isMask(value: string): boolean {
  const text = value.trim();
  if (text === "") return false;
  if (onlyMarks.test(text) || runOfBullets.test(text) || ownConstants.some((constant) => constant.test(text)))
    return true;
  if (text.length > longest) return false;
  return isMostlyAsterisks(text) || isWord(text) || hasMaskedPassword(text);
}

/** `AKIA****************`, `****abcd`: four or more in a row that are the greater part. */
function isMostlyAsterisks(text: string): boolean {
  const [run = ""] = /\*{4,}/.exec(text) ?? [];
  return run.length * 2 > text.length;
}

function isWord(text: string): boolean {
  const inside = brackets
    .exec(text)
    ?.slice(1)
    .find((group) => group !== undefined);
  if (inside === undefined) return words.has(plain(text));
  // `[REDACTED alloc::string::String]` says more after the word; `<your password>` is what a manual writes.
  const [first = ""] = plain(inside).split(" ");
  const known = words.has(plain(inside)) || bracketed.has(plain(inside)) || words.has(first) || first === "your";
  return known || isMask(inside);
}

function plain(text: string): string {
  return text
    .toLowerCase()
    .replace(/[\s_+-]+/g, " ")
    .trim();
}

function hasMaskedPassword(text: string): boolean {
  const [, password] = /^[a-z][a-z0-9+.-]*:\/\/[^/\s:@]*:([^/\s@]+)@/i.exec(text) ?? [];
  return password !== undefined && isMask(password);
}
