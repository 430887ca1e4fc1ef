/** Answers with the URL as transports take it. Throws TypeError with what is wrong and how to write it instead. */
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

/** In a page, `/` and the like are relative to the page. */
function parse(baseUrl: string): URL | undefined {
  const page = (globalThis as { location?: { href?: string } }).location?.href;
  try {
    return new URL(baseUrl, page);
  } catch {
    return undefined;
  }
}
