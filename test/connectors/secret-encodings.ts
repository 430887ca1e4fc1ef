const base64 = (text: string) => Buffer.from(text).toString("base64");
const hex = (text: string) => Buffer.from(text).toString("hex");
const everyByte = (text: string, write: (two: string) => string) => hex(text).replace(/../g, write);

const everyUnit = (text: string, write: (code: number) => string) =>
  text.replace(/./gs, (unit) => write(unit.charCodeAt(0)));

/** The forms in which a hostile target sends a secret back, by their names; none of them may be told to anybody. */
export function secretEncodings(secret: string, user = "ann"): Readonly<Record<string, string>> {
  return {
    plain: secret,
    "in the middle": `a ${secret} b`,
    "upper case": secret.toUpperCase(),
    "lower case": secret.toLowerCase(),
    reversed: [...secret].reverse().join(""),
    "before the cut": `${"a".repeat(195)}${secret}`,
    percent: encodeURIComponent(secret),
    "percent, every byte": everyByte(secret, (two) => `%${two}`),
    "percent, lower case": everyByte(secret, (two) => `%${two}`).toLowerCase(),
    "percent, twice": encodeURIComponent(encodeURIComponent(secret)),
    "UTF-16 read as text": everyUnit(secret, (code) => `${String.fromCharCode(code)}\0`),
    "UTF-8 read as Latin-1": Buffer.from(secret).toString("latin1"),
    "with its accents apart": secret.normalize("NFD"),
    form: new URLSearchParams({ a: secret }).toString(),
    hex: hex(secret),
    "hex, upper case": hex(secret).toUpperCase(),
    "hex with colons": everyByte(secret, (two) => `${two}:`),
    "hex of C": everyByte(secret, (two) => `\\x${two}`),
    "hex with 0x": everyByte(secret, (two) => `0x${two},`),
    JSON: JSON.stringify({ a: secret }),
    "JSON, every letter": everyUnit(secret, (code) => `\\u${code.toString(16).padStart(4, "0")}`),
    HTML: everyUnit(secret, (code) => `&#x${code.toString(16)};`),
    base64: base64(secret),
    base64url: Buffer.from(secret).toString("base64url"),
    "base64 after one": base64(`:${secret}`),
    "base64 after two": base64(`x:${secret}x`),
    "base64 in lines": base64(secret).replace(/.{8}/g, "$&\r\n"),
    "basic auth": `Basic ${base64(`${user}:${secret}`)}`,
    "basic auth, turned around": base64(`${secret}:${user}`),
    "log-in": `${user}:${secret}@`,
  };
}
