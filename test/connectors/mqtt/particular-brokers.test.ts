import { create } from "@bufbuild/protobuf";
import { afterEach, describe, expect, test } from "vitest";
import { MqttConfigSchema } from "../../../gen/connectory/v1/mqtt_config_pb.js";
import { mqtt } from "../../../src/connectors/mqtt/mqtt.ts";
import { endedByDeadline } from "../../support/ended-by-deadline.ts";
import { type LocalServer, startLocalServer } from "../local-server.ts";
import { failure, steps, tryConnector } from "../run-probe.ts";
import { type FakeBroker, fakeBroker, welcome } from "./fake-broker.ts";

const servers: LocalServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function serve(broker: FakeBroker) {
  const server = await startLocalServer(fakeBroker(broker));
  servers.push(server);
  return { url: `mqtt://${server.endpoint}`, username: "ann", password: "p" };
}

describe("a broker that accepts the client id device-1 alone", () => {
  const only = (accepted: string, refusal: (version: number) => string): FakeBroker => ({
    connack: (version, clientId) => (clientId === accepted ? welcome(version) : refusal(version)),
  });
  const kinds = [
    ["5", () => "2003008500"],
    ["3.1.1", (version: number) => (version === 5 ? "20020001" : "20020002")],
  ] as const;

  test.each(kinds)("in MQTT %s lets that client in, and no other", async (_, refusal) => {
    const config = await serve(only("device-1", refusal));
    expect(failure(await tryConnector("mqtt", { ...config, clientId: "device-1" }))).toBeUndefined();
    for (const other of [{}, { clientPrefix: "device-1" }, { clientId: "device-2" }]) {
      const failed = failure(await tryConnector("mqtt", { ...config, ...other }));
      expect(failed).toMatchObject({ code: "CLIENT_ID_REFUSED", field: "client_id" });
    }
  });

  test("has an id of any characters", async () => {
    const clientId = "urn:dev:ops:32473-é/1 {}";
    expect(
      failure(await tryConnector("mqtt", { ...(await serve(only(clientId, welcome))), clientId })),
    ).toBeUndefined();
  });

  test("is configured with the id or with its beginning", () => {
    const wrong = (init: object) =>
      (mqtt.validate?.(create(MqttConfigSchema, { url: "mqtt://a", ...init })) ?? []).map(({ field }) => field);
    expect(wrong({ clientId: "a" })).toEqual([]);
    expect(wrong({ clientId: "a", clientPrefix: "b" })).toEqual(["client_id"]);
  });
});

describe("a broker that does not take a subscription to $SYS is a warning", () => {
  test.each([
    ["a topic filter that is invalid", "8f"],
    ["an error of its own", "83"],
    ["a quota", "97"],
    ["no permission", "87"],
    ["shared subscriptions", "9e"],
  ])("when it ends the connection because of %s (0x%s)", async (_, reason) => {
    const config = await serve({ connack: welcome, suback: "none", next: `e002${reason}00` });
    const outcome = await tryConnector("mqtt", config);
    expect(outcome.error).toBe(false);
    expect(steps(outcome).at(-1)).toBe("AUTHORIZE WARNING PERMISSION_DENIED");
    expect(outcome.report.steps.at(-1)?.hint).toContain(`(reason ${Number.parseInt(reason, 16)})`);
  });

  test.each([0x8f, 0x83, 0x97])("when its SUBACK has the code %i", async (suback) => {
    const outcome = await tryConnector("mqtt", await serve({ connack: welcome, suback }));
    expect(steps(outcome).at(-1)).toBe("AUTHORIZE WARNING PERMISSION_DENIED");
  });

  test("when it says nothing", async () => {
    const config = await serve({ connack: welcome, suback: "none" });
    const run = (deadlineMs: number) => tryConnector("mqtt", config, { deadlineMs });
    const outcome = await endedByDeadline(run, ({ error }) => !error);
    expect(outcome.error).toBe(false);
    expect(steps(outcome).at(-1)).toBe("AUTHORIZE WARNING TIMED_OUT");
  });

  test("when a broker of 3.1.1 closes the connection", async () => {
    const connack = (version: number) => (version === 5 ? "20020001" : welcome(version));
    const outcome = await tryConnector("mqtt", await serve({ connack, suback: "hang up" }));
    expect(outcome.error).toBe(false);
    expect(steps(outcome).at(-1)).toBe("AUTHORIZE WARNING PERMISSION_DENIED");
  });
});
