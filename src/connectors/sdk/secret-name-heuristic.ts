const secretWords = new Set([
  "token",
  "key",
  "apikey",
  "secret",
  "password",
  "passwd",
  "passphrase",
  "pass",
  "pwd",
  "sig",
  "signature",
  "auth",
  "authorization",
  "authentication",
  "credential",
  "credentials",
  "cookie",
  "jwt",
  "sas",
]);

/** Parts of names that mark a secret even in a name written as one word, such as `accesstoken`. */
const secretParts = /apikey|accesskey|authkey|privatekey|secret|passw|token|signature|credential/;

/** Returns true when a parameter or header of this name usually holds a secret: `access_token`, `X-Api-Key`, `sig`. */
export function looksLikeSecretName(name: string): boolean {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z]+/);
  return words.some((word) => secretWords.has(word)) || secretParts.test(words.join(""));
}
