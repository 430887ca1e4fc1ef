import { connect } from "node:http2";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CreateConnectionRequestSchema } from "../../gen/connectory/v1/connection_service_pb.js";
import { startTestApp, type TestApp } from "../support/app.ts";
import { frameOf } from "../support/raw-grpc.ts";

let app: TestApp;
let authorization: string;
const warnings: Error[] = [];
const warned = (warning: Error) => void warnings.push(warning);
beforeAll(async () => {
  process.on("warning", warned);
  app = await startTestApp();
  authorization = `Bearer ${await app.token()}`;
});
afterAll(async () => {
  process.off("warning", warned);
  await app.stop();
});

const path = "/connectory.v1.ConnectionService/CreateConnection";
let pair = 0;
const users = () => {
  pair += 1;
  return { userId1: `a${pair}`, userId2: `b${pair}` };
};
const frame = () => frameOf(toBinary(CreateConnectionRequestSchema, create(CreateConnectionRequestSchema, users())));

async function overGrpc(timeout: string): Promise<string> {
  const session = connect(`http://${app.grpcAddress}`);
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
    authorization,
    "grpc-timeout": timeout,
  });
  const status = await new Promise<string>((resolve, reject) => {
    const seen = (headers: object) => "grpc-status" in headers && resolve(String(headers["grpc-status"]));
    stream.on("response", seen).on("trailers", seen).on("error", reject).resume().end(frame());
  });
  session.destroy();
  return status;
}

async function overGrpcWeb(timeout: string): Promise<string> {
  const headers = { authorization, "content-type": "application/grpc-web+proto", "grpc-timeout": timeout };
  const response = await fetch(`${app.httpUrl}${path}`, { method: "POST", headers, body: new Uint8Array(frame()) });
  const text = Buffer.from(await response.arrayBuffer()).toString("latin1");
  return response.headers.get("grpc-status") ?? /grpc-status: ?(\d+)/.exec(text)?.[1] ?? "";
}

async function post(url: string, timeout: string): Promise<string> {
  const headers = { authorization, "content-type": "application/json", "connect-timeout-ms": timeout };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(users()) });
  await response.arrayBuffer();
  return String(response.status);
}

const count = async () => Number((await app.knex("connection").count({ n: "*" }))[0]?.n);

const grpcForms = {
  zero: ["0m", "0H", "1n"],
  huge: ["600H", "99999999M", "99999999H", "2147484S"],
  broken: ["-1S", "1e3m", "123456789m", "5", "S", "5 S"],
};
const msForms = {
  zero: ["0", "000"],
  huge: ["86400001", "2147483648", "9999999999"],
  broken: ["-1", "1e3", "99999999999", "5S"],
};

describe.each([
  { name: "gRPC", call: overGrpc, forms: grpcForms, answers: { zero: "4", huge: "0", broken: "3" } },
  { name: "gRPC-Web", call: overGrpcWeb, forms: grpcForms, answers: { zero: "4", huge: "0", broken: "3" } },
  {
    name: "Connect",
    call: (timeout: string) => post(`${app.httpUrl}${path}`, timeout),
    forms: msForms,
    answers: { zero: "504", huge: "200", broken: "400" },
  },
  {
    name: "REST",
    call: (timeout: string) => post(`${app.httpUrl}/v1/connections`, timeout),
    forms: msForms,
    answers: { zero: "504", huge: "201", broken: "400" },
  },
])("a deadline over $name", ({ call, forms, answers }) => {
  test.each(forms.zero)("of %s has passed: nothing is written", async (timeout) => {
    const before = await count();
    expect(await call(timeout)).toBe(answers.zero);
    expect(await count()).toBe(before);
  });

  test.each(forms.huge)("of %s is far away", async (timeout) => {
    expect(await call(timeout)).toBe(answers.huge);
    expect(warnings.map(({ name }) => name)).not.toContain("TimeoutOverflowWarning");
  });

  test.each(forms.broken)("of %s is refused: nothing is written", async (timeout) => {
    const before = await count();
    expect(await call(timeout)).toBe(answers.broken);
    expect(await count()).toBe(before);
  });
});
