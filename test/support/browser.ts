import { access } from "node:fs/promises";
import { type Browser, chromium } from "playwright-core";

/** Where Debian's package and others put it. */
const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

let path: Promise<string | undefined> | undefined;

/**
 * The path of the browser for tests; undefined when there is none, which is said once. `REQUIRE_BROWSER=1` makes that a
 * failure; `BROWSER` is the path of another one.
 */
export function browserForTests(): Promise<string | undefined> {
  path ??= findBrowser();
  return path;
}

async function findBrowser(): Promise<string | undefined> {
  for (const place of process.env.BROWSER === undefined ? places : [process.env.BROWSER])
    if (
      await access(place).then(
        () => true,
        () => false,
      )
    )
      return place;
  const why = `no browser for tests: none of ${places.join(", ")}; apt-get install chromium, or set BROWSER`;
  if (process.env.REQUIRE_BROWSER === "1") throw new Error(why);
  process.stderr.write(`${why}\n`);
  return undefined;
}

/** A running browser. */
export async function launchBrowser(executablePath: string): Promise<Browser> {
  // Chromium's sandbox needs rights that root in a container does not have; only this server's own pages are opened.
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
}
