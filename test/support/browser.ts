import { access } from "node:fs/promises";
import { type Browser, chromium } from "playwright-core";
import { MissingProgram } from "./missing-program.ts";

/** Where Debian's package and others put it. */
const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** The path of the browser for tests; `BROWSER` is the path of another one. Throws MissingProgram when there is none. */
export async function browserForTests(): Promise<string> {
  for (const place of process.env.BROWSER === undefined ? places : [process.env.BROWSER])
    if (
      await access(place).then(
        () => true,
        () => false,
      )
    )
      return place;
  throw new MissingProgram(
    `no browser: none of ${places.join(", ")} (Debian: apt-get install chromium), or set BROWSER`,
  );
}

/** A running browser. */
export async function launchBrowser(executablePath: string): Promise<Browser> {
  // Chromium's sandbox needs rights that root in a container does not have; only this server's own pages are opened.
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
}
