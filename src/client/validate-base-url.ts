/**
 * Returns the URL in the form that transports accept. Throws TypeError with the fault and the right form: no http(s) URL,
 * credentials, a query or a fragment.
 */
export function validateBaseUrl(baseUrl: string): string {
  const url = parse(baseUrl);
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:"))
    throw new TypeError(`baseUrl "${baseUrl}" is no URL with http:// or https://: write "http://127.0.0.1:50051"`);
  if (url.username !== "" || url.password !== "")
    throw new TypeError("baseUrl has a user name or password in it: the only credential is the token");
  if (url.search !== "" || url.hash !== "")
    throw new TypeError(`baseUrl "${baseUrl}" has a query or a fragment: leave them out`);
  return url.href;
}

/** In a page, a relative URL such as `/` is resolved against the page. */
function parse(baseUrl: string): URL | undefined {
  const page = (globalThis as { location?: { href?: string } }).location?.href;
  try {
    return new URL(baseUrl, page);
  } catch {
    return undefined;
  }
}
