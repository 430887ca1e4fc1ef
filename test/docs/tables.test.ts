import { readFileSync } from "node:fs";
import { join } from "node:path";
import { getOption } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { access } from "../../gen/connectory/options/v1/access_pb.js";
import { ConnectionProfileService } from "../../gen/connectory/v1/connection_profile_service_pb.js";
import { ConnectionService } from "../../gen/connectory/v1/connection_service_pb.js";
import { ErrorReason } from "../../gen/connectory/v1/error_reason_pb.js";
import { parseConfig } from "../../src/app/parse-config.ts";
import { knownRoles, permissionsOf } from "../../src/auth/permissions.ts";
import { type Setting, secretSettings, settings } from "../../src/config/settings.ts";
import { codeOfReason } from "../../src/errors/reason-codes.ts";
import type { EventType, StoredEvent } from "../../src/events/log/event.ts";
import { toCloudEvents } from "../../src/events/publisher/cloud-events.ts";
import { namesIn, readPage, tableBelow } from "./read-page.ts";

const root = join(import.meta.dirname, "../..");
const source = (file: string) => readFileSync(join(root, file), "utf8");
const names = (cell: string | undefined) => namesIn(cell ?? "");

describe("docs/configuration.md", () => {
  const rows = tableBelow("docs/configuration.md", "Settings");
  const sources = ["parse-config.ts", "read-database-url.ts", "read-kafka-settings.ts"].map(
    (file) => `src/app/${file}`,
  );
  const code = [...sources, "src/auth/issuer-settings.ts"].map(source).join("");
  const documented = rows.flatMap(([name]) => names(name)).filter((name) => name !== "OTEL_…");

  test("has every setting of the list, in its order, with its default and its meaning", () => {
    const holds = ({ fallback, unset }: Setting) => (fallback === undefined ? (unset ?? "") : `\`${fallback}\``);
    expect(
      rows
        .slice(0, -1)
        .map(([name, unset, meaning = ""], at) => [name, unset, meaning.slice(0, settings[at]?.meaning.length)]),
    ).toEqual(settings.map((one) => [`\`${one.name}\``, holds(one), one.meaning]));
  });

  test("every setting of the list is read, and only those: others do not compile", () => {
    const read = [...code.matchAll(/\b(?:env|read\w+)(?:\.\w+)?\((?:env, )?"([A-Z][A-Z_]+)"/g)].map(([, name]) => name);
    const former = "CONNECTION_CREATE_POLICY";
    expect([...new Set(read)].filter((name) => name !== former).toSorted()).toEqual(
      settings.map(({ name }) => name).toSorted(),
    );
  });

  test("the defaults of the list are those of the code", () => {
    const given = (names: RegExp) =>
      Object.fromEntries(
        settings.flatMap((one: Setting) =>
          one.fallback !== undefined && names.test(one.name) ? [[one.name, one.fallback]] : [],
        ),
      );
    const issuer = {
      AUTH_ISSUER: "https://issuer.example",
      AUTH_AUDIENCE: "x",
      AUTH_JWKS_URL: "https://issuer.example/keys",
    };
    expect(parseConfig(given(/^(?!AUTH_)/))).toEqual(parseConfig({}));
    // A default role that is given is one that was chosen: only the warning about none differs.
    expect(parseConfig({ ...given(/^AUTH_/), ...issuer }).issuer).toEqual({
      ...parseConfig(issuer).issuer,
      defaultRole: "none",
    });
  });

  test("the secrets are those that the page names", () => {
    const [, listed = ""] = /^## Secrets from files\n\n(.*?) may each/ms.exec(readPage("docs/configuration.md")) ?? [];
    expect(names(listed).toSorted()).toEqual([...secretSettings].toSorted());
  });

  test("has the default and the range of every number", () => {
    const integers = [...code.matchAll(/env\.integer\("(\w+)", ([^,]+), ([^,]+), ([^)]+)\)/g)];
    expect(integers.length).toBeGreaterThan(7);
    for (const [, name = "", ...figures] of integers) {
      const [fallback, min, max] = figures.map((text) =>
        text.split("*").reduce((all, one) => all * Number(one.replaceAll("_", "")), 1),
      );
      const [cell, defaults, , refused] = rows.find(([first]) => names(first).includes(name)) ?? [];
      expect([name, names(defaults)[names(cell).indexOf(name)], refused]).toEqual([
        name,
        `${fallback}`,
        `not ${min} to ${max}`,
      ]);
    }
  });

  test("has the settings that README shows first", () => {
    const first = tableBelow("README.md", "First settings").flatMap(([name]) => names(name));
    expect(first.length).toBeGreaterThan(5);
    expect(first.filter((name) => !documented.includes(name))).toEqual([]);
  });
});

test.each([ConnectionService, ConnectionProfileService])(
  "docs/api.md has every RPC of $name with its permission",
  (service) => {
    const rows = tableBelow("docs/api.md", service.name);
    expect(rows.map(([rpc, permission]) => [names(rpc)[0], names(permission)[0]]).toSorted()).toEqual(
      service.methods.map((method) => [method.name, getOption(method, access).permission]).toSorted(),
    );
  },
);

test("docs/errors.md has every reason with its status", () => {
  const statusOf = (code: Code) => (Code[code] ?? "").replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
  const expected = Object.entries(codeOfReason)
    .filter(([reason]) => Number(reason) !== ErrorReason.UNSPECIFIED)
    .map(([reason, code]) => {
      const status = statusOf(code).replace("CANCELED", "CANCELLED");
      return [ErrorReason[Number(reason)], status];
    });
  const found = tableBelow("docs/errors.md", "Reasons").flatMap(([status, reasons]) =>
    names(reasons).map((reason) => [reason, status]),
  );
  expect(found.toSorted()).toEqual(expected.toSorted());
});

test("docs/events.md has every topic of every event", () => {
  const types = [...source("src/events/log/event.ts").matchAll(/^ {2}\| "([a-z.-]+)"/gm)].map(
    ([, type]) => type as EventType,
  );
  expect(types.length).toBeGreaterThan(6);
  const expected = types.map((type) => toCloudEvents({ ...sample, type }, "").map(({ topic }) => topic));
  const found = tableBelow("docs/events.md", "Topics").map(([, api, database]) => [...names(api), ...names(database)]);
  expect(found.toSorted()).toEqual(expected.toSorted());
});

const sample: Omit<StoredEvent, "type"> = {
  organizationId: "acme",
  revision: 1n,
  id: "00000000-0000-7000-8000-000000000000",
  subject: "alice",
  key: "alice",
  actor: "alice",
  requestId: "r",
  traceparent: null,
  tracestate: null,
  occurredAt: new Date(0),
  data: {},
};

test("docs/authentication.md has every role with its permissions", () => {
  const rows = tableBelow("docs/authentication.md", "Roles");
  const granted = new Map<string, string[]>();
  for (const [role = "", permissions = ""] of rows) {
    const [name = ""] = names(role);
    granted.set(
      name,
      names(permissions).flatMap((one) => granted.get(one) ?? [one]),
    );
  }
  expect([...granted].map(([role, permissions]) => [role, permissions.toSorted()])).toEqual(
    knownRoles.map((role) => [role, [...permissionsOf([role])].toSorted()]),
  );
});

test("every figure that README praises is in the page where it was measured", () => {
  const [, why = ""] = /^## Why\n([\s\S]*?)^## /m.exec(readPage("README.md")) ?? [];
  const plain = (text: string) => text.replaceAll(/(?<=\d) (?=\d{3}\b)/g, "");
  const measured = plain(readPage("docs/performance.md") + readPage("CONTRIBUTING.md") + readPage("docs/mcp.md"));
  const figures = [...plain(why).matchAll(/(?<![\w.])\d[\d.]*\d\b/g)].map(([figure]) => figure);
  expect(figures.length).toBeGreaterThan(8);
  const rpcs = ConnectionService.methods.length + ConnectionProfileService.methods.length;
  const known = new Set([`${rpcs}`, ...[...measured.matchAll(/\d[\d.]*/g)].map(([figure]) => figure)]);
  expect(figures.filter((figure) => !known.has(figure))).toEqual([]);
});
