import { create, type Message, toJsonString } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { describe, expect, test } from "vitest";
import { ConnectorConfigSchema } from "../../gen/connectory/v1/connector_pb.js";
import { TestReportSchema, TestStage, type TestStep, TestStepSchema } from "../../gen/connectory/v1/test_report_pb.js";
import { selectConnector } from "../../src/connection-profiles/config/select-connector.ts";
import { connectors } from "../../src/connectors/registry.ts";
import { type Connector, type Probe, ProbeError } from "../../src/connectors/sdk/connector.ts";
import { configTexts } from "../../src/test-workers/probe/config-texts.ts";
import { runDiscovery, runProbe, type TestOutcome } from "../../src/test-workers/probe/run-probe.ts";
import { sanitizeDiscovery } from "../../src/test-workers/probe/sanitize-discovery.ts";
import { createSecretScrubber } from "../../src/test-workers/probe/secret-scrubber.ts";
import { fullConfigs } from "../connection-profiles/full-configs.ts";
import { canary } from "../support/canary.ts";
import { json, startHttpServer } from "./http-server.ts";
import { startCatalog } from "./iceberg/start-catalog.ts";
import { localDialer, startLocalServer } from "./local-server.ts";
import { tryConnector } from "./run-probe.ts";
import { secretEncodings } from "./secret-encodings.ts";

const cases = fullConfigs.map((member, index) => {
  const whole = create(ConnectorConfigSchema, { connector: member });
  return [`${member.case} ${index}`, selectConnector(connectors, [member.case], whole)] as const;
});

/** All that is told of a test, as text. */
function told({ message, report }: TestOutcome, steps: readonly TestStep[]): string {
  return [
    message,
    toJsonString(TestReportSchema, report),
    ...steps.map((step) => toJsonString(TestStepSchema, step)),
  ].join("\n");
}

const options = { dialer: localDialer, signal: new AbortController().signal, deadlineMs: 10_000 };
const step = { stage: TestStage.CAPABILITY, field: "url" };

describe.each(cases)("a hostile target of %s", (_, { connector, config }) => {
  const secrets = configTexts(reflect(connector.config, config as Message)).secrets;
  const forms = secrets.flatMap(({ value, beside }) => Object.values(secretEncodings(value, beside[0])));

  test("has secrets to send back", () => {
    expect(secrets.length).toBeGreaterThan(0);
    expect(secrets.every(({ value }) => value.startsWith(canary("")))).toBe(true);
  });

  test("that sends them back in any form gets none into what is told", async () => {
    const steps: TestStep[] = [];
    const echo: Connector = {
      ...connector,
      test: async (_config, probe: Probe) => {
        for (const [index, form] of forms.entries()) {
          probe.fact(`fact_${index}`, form);
          await probe.step({ ...step, endpoint: `${form}:1` }, async () => undefined);
          probe.skip(TestStage.TLS, form);
          const failing = async () => Promise.reject(Object.assign(new Error(form), { code: form }));
          await probe.step({ ...step, endpoint: form }, failing).catch(() => undefined);
        }
        throw new ProbeError("FAILED", "it failed");
      },
    };
    const outcome = await runProbe({ connector: echo, config, ...options, onStep: (one) => steps.push({ ...one }) });
    expect(outcome.report.facts.map(({ value }) => value)).toEqual(forms.map(() => "[redacted]"));
    const all = told(outcome, steps);
    for (const form of forms) expect(all).not.toContain(JSON.stringify(form).slice(1, -1));
    expect(all).not.toContain(canary(""));
  });

  test("that names what lies in it after them gets none into a page", async () => {
    const resources = forms.map((form) => ({ kind: "a", name: form, facts: { value: form } }));
    const named: Connector = { ...connector, discover: async () => ({ resources, nextCursor: "" }) };
    const discovery = { parent: "", pageSize: 1000, cursor: "" };
    const outcome = await runDiscovery({ connector: named, config, ...options, discovery });
    const { page } = sanitizeDiscovery(named, 1000, outcome, createSecretScrubber(connector, config));
    expect(new Set(page.resources.map(({ name }) => name))).toEqual(new Set(["[redacted]"]));
    expect(new Set(page.resources.map(({ facts }) => facts?.value))).toEqual(new Set(["[redacted]"]));
  });

  test("that puts one into the code of an error gets none into a hint", async () => {
    // A code that looks like a constant is told.
    const loud = secrets.map(({ value }) => Buffer.from(value).toString("hex").toUpperCase().slice(0, 64));
    const short = createSecretScrubber(connector, config);
    for (const code of loud) {
      short.addSecret(code);
      const failing: Connector = {
        ...connector,
        test: (_config, probe) =>
          probe.step({ ...step, endpoint: "a" }, async () => Promise.reject(Object.assign(new Error("a"), { code }))),
      };
      const outcome = await runProbe({ connector: failing, config, ...options, scrubber: short });
      expect(told(outcome, [])).toContain("for a reason that is not known");
      expect(told(outcome, [])).not.toContain(code);
    }
  });
});

describe("servers that speak the protocol and send back what they got", () => {
  const secret = canary("echo/of+it");
  const factsOf = ({ report }: TestOutcome) => report.facts.map(({ name, value }) => `${name}=${value}`);

  test("Redis in its version and mode", async () => {
    const server = await startLocalServer((socket) =>
      socket.on("data", (chunk) => {
        for (const [, name = ""] of chunk.toString("latin1").matchAll(/\*\d+\r\n\$\d+\r\n(\w+)\r\n/g)) {
          const encoded = Buffer.from(`default:${secret}`).toString("base64");
          const info = `redis_version:${secret}\r\nredis_mode:${encoded}\r\nrole:master\r\n`;
          const answers: Readonly<Record<string, string>> = { AUTH: "+OK\r\n", PING: "+PONG\r\n" };
          const usual = name === "INFO" ? `$${info.length}\r\n${info}\r\n` : "-ERR unknown command\r\n";
          socket.write(answers[name] ?? usual);
        }
      }),
    );
    const outcome = await tryConnector("redis", { address: `redis://127.0.0.1:${server.port}`, password: secret });
    await server.close();
    expect(factsOf(outcome)).toEqual(["server_version=[redacted]", "mode=[redacted]", "role=master"]);
  });

  test("an Iceberg catalog in its overrides", async () => {
    const overrides = {
      warehouse: secret,
      "s3.endpoint": `https://x/${encodeURIComponent(secret)}`,
      "s3.region": "eu",
    };
    const catalog = await startCatalog({ token: secret, overrides });
    const outcome = await tryConnector("iceberg", { url: catalog.url, token: secret });
    await catalog.close();
    const told = ["override_warehouse=[redacted]", "override_s3.endpoint=[redacted]", "override_s3.region=eu"];
    expect(factsOf(outcome)).toEqual(told);
  });

  test("S3 in the region of a bucket", async () => {
    const server = await startHttpServer((request, response) => {
      const token = String(request.headers["x-amz-security-token"]);
      if (request.method === "HEAD") response.writeHead(200, { "x-amz-bucket-region": token }).end();
      else response.end(`<?xml version="1.0"?><ListBucketResult><Name>shop</Name></ListBucketResult>`);
    });
    const keys = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: canary("s3-echo"), sessionToken: canary("session") };
    const outcome = await tryConnector("s3", { endpoint: server.url, bucket: "shop", region: "us-east-1", ...keys });
    await server.close();
    expect(factsOf(outcome)).toEqual(["bucket_region=[redacted]"]);
  });

  test("an HTTP endpoint in its headers and in where it redirects to", async () => {
    const server = await startHttpServer((request, response) => {
      const sent = String(request.headers["x-key"]);
      if (request.url === "/") response.writeHead(302, { location: `/${encodeURIComponent(sent)}` }).end();
      else response.writeHead(200, { server: sent, "content-type": `text/${sent}` }).end();
    });
    const outcome = await tryConnector("http", { url: `${server.url}/`, headers: { "x-key": secret } });
    await server.close();
    const told = ["status=200", "final_url=[redacted]", "content_type=[redacted]", "server=[redacted]"];
    expect(factsOf(outcome)).toEqual(told);
  });

  test("a token endpoint whose token a broker sends back", async () => {
    const tokens = await startHttpServer(json(200, { access_token: canary("given"), token_type: "Bearer" }));
    const given: string[] = [];
    const { saslMechanism } = await import("../../src/connectors/kafka/sasl/sasl-mechanism.ts");
    const { kafkaAccess } = await import("../../src/connectors/kafka/kafka-access.ts");
    const login: Connector = {
      ...connectors.kafka,
      test: async (config, probe) => {
        await saslMechanism(kafkaAccess(config as Parameters<typeof kafkaAccess>[0]), probe);
        probe.fact("cluster_id", canary("given"));
        given.push("asked");
      },
    };
    const sasl = { protocol: "SASL_PLAINTEXT", mechanism: "OAUTHBEARER", username: "ann", password: secret };
    const value = { bootstrapServers: "127.0.0.1:1", sasl: { ...sasl, oauthTokenEndpoint: tokens.url } };
    const { config } = selectConnector(
      connectors,
      ["kafka"],
      create(ConnectorConfigSchema, { connector: { case: "kafka", value } }),
    );
    const outcome = await runProbe({ connector: login, config, ...options });
    await tokens.close();
    expect(given).toEqual(["asked"]);
    expect(factsOf(outcome)).toEqual(["cluster_id=[redacted]"]);
  });
});
