import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { goProgram, goPrograms } from "../../support/servers/go-program.ts";

const run = promisify(execFile);
const grpcurl = await goProgram(goPrograms.grpcurl);

let app: TestApp;
let token: string;
beforeAll(async () => {
  app = await startTestApp();
  token = await app.token();
});
afterAll(() => app.stop());

describe("grpcurl", () => {
  const call = async (rpc: string, body: object) => {
    const flags = ["-plaintext", "-H", `authorization: Bearer ${token}`, "-d", JSON.stringify(body), app.grpcAddress];
    const { stdout } = await run(grpcurl, [...flags, `connectory.v1.${rpc}`]);
    return JSON.parse(stdout) as Record<string, Record<string, string>>;
  };

  test("finds the services through reflection", async () => {
    const { stdout } = await run(grpcurl, ["-plaintext", app.grpcAddress, "list"]);
    expect(stdout.trim().split("\n")).toEqual([
      "connectory.v1.ConnectionProfileService",
      "connectory.v1.ConnectionService",
      "grpc.health.v1.Health",
    ]);
  });

  test("creates a connection and reads it back, with the contract's field names", async () => {
    const { connection } = await call("ConnectionService/CreateConnection", { userId1: "a-curl", userId2: "b-curl" });
    expect(Object.keys(connection ?? {}).sort()).toEqual([
      "_owner",
      "connectedSince",
      "createdAt",
      "id",
      "isActive",
      "recordVersion",
      "updatedAt",
      "userId1",
      "userId2",
    ]);
    expect(await call("ConnectionService/GetConnection", { id: connection?.id })).toEqual({ connection });
  });

  test("creates a profile and reads it back", async () => {
    const created = await call("ConnectionProfileService/CreateConnectionProfile", {
      name: "over grpcurl",
      config: { postgres: { host: "db", username: "u", password: "p" } },
    });
    expect(await call("ConnectionProfileService/GetConnectionProfile", { id: created.connectionProfile?.id })).toEqual(
      created,
    );
  });

  test("asks for the health", async () => {
    const { stdout } = await run(grpcurl, ["-plaintext", app.grpcAddress, "grpc.health.v1.Health/Check"]);
    expect(JSON.parse(stdout)).toEqual({ status: "SERVING" });
  });
});
