import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fromJsonString } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { CreateConnectionProfileRequestSchema } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectorConfigSchema } from "../../gen/connectory/v1/connector_pb.js";
import { TlsConfigSchema } from "../../gen/connectory/v1/tls_config_pb.js";
import { splitSecrets } from "../../src/connection-profiles/config/secret-fields.ts";
import { selectConnector } from "../../src/connection-profiles/config/select-connector.ts";
import { validateConfig } from "../../src/connection-profiles/config/validate-config.ts";
import { toConnectorMessage } from "../../src/connectors/connector-message.ts";
import { toFieldMessages } from "../../src/connectors/field-messages.ts";
import { allConnectors, connectors } from "../../src/connectors/registry.ts";
import type { Connector } from "../../src/connectors/sdk/connector.ts";
import { createMessageCheck } from "../../src/interceptors/validate.ts";
import { createEnvReferenceResolver } from "../../src/secrets/references/env-references.ts";

const root = join(import.meta.dirname, "../..");
const page = await readFile(join(root, "docs/connectors.md"), "utf8");

/** The text below each heading, by the heading. */
const sections = new Map(
  page.split(/^#{1,3} /m).map((section) => {
    const end = section.indexOf("\n");
    return [section.slice(0, end), section.slice(end)] as const;
  }),
);
const sectionOf = (heading: string) => sections.get(heading) ?? "";

/** The rows of the tables in a text, as their cells; the row of the headings and the line below it among them. */
function rows(text: string): string[][] {
  const lines = text.split("\n").filter((line) => line.startsWith("|"));
  return lines.map((line) =>
    line
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim()),
  );
}

/** The names in backticks of a cell. */
const named = (cell: string | undefined) => [...(cell ?? "").matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? "");

test("the first table has every connector, with what the registry says of it", () => {
  const expected = allConnectors(connectors).map((connector) => {
    const { id, source, sink, hasProfile, testable, discoverable, profileConnector } = toConnectorMessage(connector);
    const mark = (yes: boolean) => (yes ? "yes" : "");
    const other = profileConnector === "" ? "none" : `of \`${profileConnector}\``;
    const cell = hasProfile ? `[\`${id}\`](#${id})` : `\`${id}\``;
    return [cell, mark(source), mark(sink), hasProfile ? "own" : other, mark(testable), mark(discoverable)];
  });
  expect(rows(sectionOf("Connectors")).slice(2)).toEqual(expected);
});

type Field = ReturnType<typeof toFieldMessages>[number];

const marksOf = ({ required, secret, destination }: Field) =>
  Object.entries({ required, secret, destination })
    .filter(([, is]) => is)
    .map(([name]) => name)
    .join(", ");

/** Path and marks, as the tables have them. */
const documented = (heading: string) =>
  rows(sectionOf(heading)).flatMap(([names, marks = ""]) => named(names).map((name) => [name, marks] as const));

describe.each(Object.values<Connector>(connectors).map((connector) => [connector.id, connector] as const))(
  "%s",
  (id, connector) => {
    test("has a row for every field, which says what it is", () => {
      // Those of TLS are the same everywhere, and have a table of their own.
      const fields = toFieldMessages(connector.config).filter(({ path }) => !/(^|\.)tls\../.test(path));
      const table = new Map(documented(id));
      expect(fields.map(({ path }) => [path, table.get(path)])).toEqual(
        fields.map((field) => [field.path, marksOf(field)]),
      );
    });

    test("names no field that it does not have", () => {
      const paths = toFieldMessages(connector.config).map(({ path }) => path);
      const others = documented(id).filter(([name]) => !/^[A-Z0-9_]+$/.test(name) && !paths.includes(name));
      expect(others).toEqual([]);
    });

    test("has an example that is a valid request", () => {
      const [, example = ""] = /```json\n(.+?)\n```/s.exec(sectionOf(id)) ?? [];
      const request = fromJsonString(CreateConnectionProfileRequestSchema, example);
      const checkMessage = createMessageCheck();
      checkMessage(CreateConnectionProfileRequestSchema, request);
      expect(request.config?.connector.case).toBe(id);
      const choice = selectConnector(connectors, [id], request.config ?? fromJsonString(ConnectorConfigSchema, "{}"));
      const rules = { checkMessage, substitution: createEnvReferenceResolver(new Map()) };
      const newSecrets = splitSecrets(choice.connector.config, choice.config).secrets;
      expect(() => validateConfig(rules, "acme", choice, { newSecrets, opened: new Map() })).not.toThrow();
    });
  },
);

test("TLS has a row for every field", () => {
  const fields = toFieldMessages(TlsConfigSchema, "tls.");
  expect(documented("TLS")).toEqual(fields.map((field) => [field.path, marksOf(field)]));
});

/**
 * Constants of the sources that are no codes of a report: commands and words of the protocols, names of mechanisms and of
 * forms of Unicode, and codes of libraries and other systems. A new one belongs here or into the document.
 */
const foreign = new Set(
  `
  AMQP AUTH CLUSTER DISCONNECT GET HEAD HTTP INFO MASTERDOWN MQTT NATS NFC NFD NOPERM OAUTHBEARER PING PLAIN PONG POST S3 SASL SELECT
  SLOTS SSL UTF8 VIEW WHEN_REQUIRED ECONNRESET ERROR ERR_INVALID_CHAR ERR_PASSWORD_NEEDS_TLS ERR_SCRAM_TOO_EXPENSIVE ERR_SSL_
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY UNABLE_TO_VERIFY_LEAF_SIGNATURE UNSPECIFIED
  ERR_TOO_MUCH_DATA ERR_WRONG_PROTOCOL HPE_ HPE_HEADER_OVERFLOW RESPONSE_7 RESPONSE_8 SASL_AUTHENTICATION_FAILED
  SASL_PLAINTEXT SASL_SSL SECURITY_DISABLED UND_ERR_HEADERS_OVERFLOW UND_ERR_INVALID_ARG UND_ERR_RES_EXCEEDED_MAX_SIZE
  UND_ERR_SOCKET UNSUPPORTED_SASL_MECHANISM UNSUPPORTED_VERSION
  `
    .trim()
    .split(/\s+/),
);

async function codesOfSources(): Promise<ReadonlySet<string>> {
  const filesIn = async (folder: string) =>
    (await readdir(join(root, folder), { recursive: true }))
      .filter((name) => name.endsWith(".ts"))
      .map((name) => join(root, folder, name));
  const names = [...(await filesIn("src/connectors")), ...(await filesIn("src/test-workers"))];
  const texts = await Promise.all(names.map((name) => readFile(name, "utf8")));
  const constants = texts.flatMap((text) => [...text.matchAll(/"([A-Z][A-Z0-9_]+)"/g)].map(([, name]) => name ?? ""));
  return new Set(constants.filter((name) => !foreign.has(name)));
}

test("every code of a test has a row, and every row a code", async () => {
  const codes = [...(await codesOfSources())].toSorted();
  const tables = [...sections.values()].flatMap((section) => rows(section)).flatMap(([cell]) => named(cell));
  const rowsOfCodes = new Set(tables.filter((name) => /^[A-Z][A-Z0-9_]+$/.test(name)));
  expect([...rowsOfCodes].toSorted()).toEqual(codes);
});
