import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { runScript } from "../client/other-languages/run-script.ts";
import { startServer } from "../support/server-process.ts";
import { findProgram } from "../support/servers/find-program.ts";
import { commandsToRun, pagesToRun } from "./commands.ts";

const root = join(import.meta.dirname, "../..");
const curl = findProgram("curl", "curl");

/**
 * curl that fails for an error of HTTP, so that a command which the server does not take ends the script; of a stream it takes
 * what comes until the first event.
 */
const strictCurl = `#!/bin/bash
for one in "$@"; do [ "$one" != -N ] || stream=yes; done
[ -n "\${stream:-}" ] || exec ${curl} --fail-with-body "$@"
exec 3< <(exec ${curl} --fail-with-body "$@")
while IFS= read -r line <&3; do
  printf '%s\\n' "$line"
  case "$line" in data:* | '{"event"'*) kill $!; exit 0 ;; esac
done
exit 1
`;

/** Runs the commands of a page in a shell, as a person does who pastes them one after the other; answers with what they print. */
async function runPage(page: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "connectory-page-"));
  const server = await startServer({ DATA_DIR: join(folder, "data") });
  try {
    await mkdir(join(folder, "bin"));
    await writeFile(join(folder, "bin/curl"), strictCurl);
    await chmod(join(folder, "bin/curl"), 0o755);
    const script = commandsToRun(page)
      .join("\n")
      .replaceAll("127.0.0.1:50051", server.grpcAddress)
      .replaceAll("http://127.0.0.1:8080", server.httpUrl);
    const path = [join(folder, "bin"), dirname(process.execPath), process.env.PATH].join(delimiter);
    const env = { PATH: path, TOKEN: server.token, DATA_DIR: join(folder, "data") };
    return await runScript(script, { cwd: root, env, seconds: 170 });
  } finally {
    await server.end("SIGTERM");
    await rm(folder, { recursive: true, force: true });
  }
}

/** What the commands of a page print, among other things, in this order. */
const printed: Record<string, readonly string[]> = {
  "README.md": ['"userId2":"bob"', '"error":true', "CONNECTION_REFUSED", '"dataName":"connections"'],
  "docs/rest.md": [
    '"statusCode":"201"',
    '"paging":',
    '"has_more":false',
    "CONNECTION_REFUSED",
    "304 Not Modified",
    "orders-2",
    "orders-4711",
    "event: message",
    '{"event":"message"',
  ],
  "docs/connection-profiles.md": ['"name":"orders"', '"error":true', "TEST_STAGE_CONNECT"],
  "docs/mcp.md": ['"structuredContent"'],
  "docs/authentication.md": ["ey", "ey"],
  "docs/key-rotation.md": ["re-wrapped", "nothing needs it any more", "removed from", "data keys made"],
};

describe.each(pagesToRun)("%s", (page) => {
  test("has commands that work as they stand", async () => {
    const output = await runPage(page);
    let from = 0;
    for (const text of printed[page] ?? []) {
      const at = output.indexOf(text, from);
      if (at < 0) expect(output.slice(from)).toContain(text);
      from = at + text.length;
    }
  });
});
