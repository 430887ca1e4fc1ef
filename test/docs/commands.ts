import { type Fence, fencesOf, pages } from "./read-page.ts";

/** The pages whose commands run one after the other in one shell, against a server of their own: run-pages.test.ts. */
export const pagesToRun = [
  "README.md",
  "docs/rest.md",
  "docs/connection-profiles.md",
  "docs/mcp.md",
  "docs/authentication.md",
  "docs/key-rotation.md",
];

/** Commands that another test or script runs: the page, how they begin, and what runs them. */
export const runElsewhere: readonly { page: string; begins: string; by: string }[] = [
  { page: "README.md", begins: "npm ci && npm start", by: ".ci/run" },
  { page: "CONTRIBUTING.md", begins: "npm ci\n", by: ".ci/run" },
  { page: "docs/clients-other-languages.md", begins: "", by: "test/client/other-languages.test.ts" },
  { page: "docs/tutorial.md", begins: "npm ci\n", by: ".ci/run" },
  { page: "docs/deployment.md", begins: "install -d -m 0700", by: "test/deploy/secrets.test.ts" },
];

/** Commands that run nowhere, and why. */
export const notRun: readonly { page: string; begins: string; why: string }[] = [
  { page: "docs/deployment.md", begins: "docker", why: "needs Docker; test/deploy compares it with compose.yaml" },
  {
    page: "docs/deployment.md",
    begins: "useradd",
    why: "changes the machine, and needs one that runs systemd",
  },
  {
    page: "docs/tutorial.md",
    begins: "docker run",
    why: "needs Docker; the test of the tutorial has a broker of its own",
  },
  {
    page: "docs/authentication.md",
    begins: "grpcurl -cacert",
    why: "names a server outside, and certificates of its authority",
  },
  {
    page: "docs/operations.md",
    begins: "pg_dump",
    why: "needs pg_dump of PostgreSQL 18, which neither npm nor Debian 12 has",
  },
  {
    page: "docs/performance.md",
    begins: "npm run bench",
    why: "measures for minutes, on a machine with nothing else to do",
  },
  { page: "docs/connectors.md", begins: "kafka-acls.sh", why: "for a broker outside, with Kafka's own tools" },
  { page: "docs/connectors.md", begins: "rabbitmqctl", why: "for a broker outside, with RabbitMQ's own tools" },
  {
    page: "src/client/README.md",
    begins: "npm install connectory",
    why: "the package is in no registry yet; pack.test.ts installs it from its file",
  },
];

/** Every block of commands. */
export const commands: readonly Fence[] = pages.flatMap(fencesOf).filter(({ language }) => language === "sh");

/** Whether an entry of a list is about a block. */
export const isAbout =
  ({ page, text }: Fence) =>
  (entry: { page: string; begins: string }) =>
    entry.page === page && text.startsWith(entry.begins);

/** The blocks of a page that run-pages.test.ts runs. */
export const commandsToRun = (page: string): string[] =>
  commands
    .filter((one) => one.page === page && ![...runElsewhere, ...notRun].some(isAbout(one)))
    .map(({ text }) => text);
