import { afterAll, beforeAll, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { failureOf } from "../expect-error.ts";
import { startProfileService } from "../start-profile-service.ts";

let service: Awaited<ReturnType<typeof startProfileService>>;
beforeAll(async () => {
  service = await startProfileService();
});
afterAll(() => service.drop());

const http = (headers: Record<string, string>, url = "https://a.example/x") => ({
  connector: { case: "http" as const, value: { url, headers } },
});
const mask = (...paths: string[]) => ({ paths });

test("headers are secrets by name: kept when they come back empty, changed alone, and gone when they are left out", async () => {
  const client = service.clientOf("headers");
  const { connectionProfile: created } = await client.createConnectionProfile({
    name: "a",
    config: http({ "x-key": canary("key"), "x-other": canary("other") }),
  });
  const id = created?.id ?? "";
  const setIn = (profile: typeof created) => profile?.secrets.filter(({ set }) => set).map(({ path }) => path);
  expect(setIn(created)).toEqual(['headers["x-key"]', 'headers["x-other"]']);
  expect(created?.config?.connector.value).toMatchObject({ headers: { "x-key": "", "x-other": "" } });

  const { connectionProfile: same } = await client.updateConnectionProfile({
    id,
    ...(created?.config === undefined ? {} : { config: created.config }),
    updateMask: mask("config"),
  });
  expect(same).toEqual(created);

  const one = { id, config: http({ "x-key": canary("new"), "x-other": "" }), updateMask: mask("config.http.headers") };
  const { connectionProfile: changed } = await client.updateConnectionProfile(one);
  const fingerprints = [created, changed].map(
    (profile) => profile?.secrets.map(({ fingerprint }) => fingerprint) ?? [],
  );
  expect(fingerprints[1]?.at(-1)).toBe(fingerprints[0]?.at(-1));
  expect(fingerprints[1]).not.toEqual(fingerprints[0]);

  const less = { id, config: http({ "x-other": "" }), updateMask: mask("config.http.headers") };
  expect(setIn((await client.updateConnectionProfile(less)).connectionProfile)).toEqual(['headers["x-other"]']);
  const { revisions } = await client.listConnectionProfileRevisions({ id });
  expect(revisions.map(({ changedFields }) => changedFields)).toEqual([
    ['config.http.headers["x-key"]'],
    ['config.http.headers["x-key"]'],
    [],
  ]);
});

test("a header that an update without a mask does not give stays, like any other secret, and the answer lists it", async () => {
  const client = service.clientOf("headers-merge");
  const config = http({ "x-key": canary("key"), "x-other": canary("other") });
  const { connectionProfile } = await client.createConnectionProfile({ name: "a", config });
  const id = connectionProfile?.id ?? "";
  const setIn = (profile: typeof connectionProfile) =>
    profile?.secrets.filter(({ set }) => set).map(({ path }) => path);
  const { connectionProfile: more } = await client.updateConnectionProfile({
    id,
    config: http({ "x-new": canary("new") }),
  });
  expect(setIn(more)).toEqual(['headers["x-key"]', 'headers["x-new"]', 'headers["x-other"]']);
  expect(more?.config?.connector.value).toMatchObject({ headers: { "x-key": "", "x-new": "", "x-other": "" } });
  const { connectionProfile: none } = await client.updateConnectionProfile({ id, name: "b", config: http({}) });
  expect(setIn(none)).toEqual(setIn(more));
  const masked = { id, config: http({ "x-new": "" }), updateMask: mask("config.http.headers") };
  expect(setIn((await client.updateConnectionProfile(masked)).connectionProfile)).toEqual(['headers["x-new"]']);
});

test("headers of a WebSocket are merged in the same way", async () => {
  const client = service.clientOf("headers-websocket");
  const websocket = (headers: Record<string, string>) => ({
    connector: { case: "websocket" as const, value: { url: "wss://a.example", headers } },
  });
  const config = websocket({ "x-key": canary("websocket-key") });
  const { connectionProfile } = await client.createConnectionProfile({ name: "a", config });
  const edit = { id: connectionProfile?.id ?? "", config: websocket({ "x-new": canary("websocket-new") }) };
  const { connectionProfile: written } = await client.updateConnectionProfile(edit);
  expect(written?.secrets.filter(({ set }) => set).map(({ path }) => path)).toEqual([
    'headers["x-key"]',
    'headers["x-new"]',
  ]);
});

test("a map without secrets is replaced as a whole, with a mask and without", async () => {
  const client = service.clientOf("maps-replace");
  const kafka = (connectionProperties: Record<string, string>) => ({
    connector: { case: "kafka" as const, value: { bootstrapServers: "a.example:1", connectionProperties } },
  });
  const { connectionProfile } = await client.createConnectionProfile({
    name: "a",
    config: kafka({ "client.id": "a" }),
  });
  const edit = { id: connectionProfile?.id ?? "", config: kafka({ "client.rack": "b" }) };
  const { connectionProfile: written } = await client.updateConnectionProfile(edit);
  expect(written?.config?.connector.value).toMatchObject({ connectionProperties: { "client.rack": "b" } });
  expect(written?.config?.connector.value).not.toMatchObject({ connectionProperties: { "client.id": "a" } });
});

test("a header without a value, stored or given, is refused with its path: in an update and in a rollback", async () => {
  const client = service.clientOf("headers-empty");
  const config = http({ "x-key": canary("key") });
  const { connectionProfile } = await client.createConnectionProfile({ name: "a", config });
  const id = connectionProfile?.id ?? "";
  const fields = ['config.http.headers["X-KEY"]'];
  expect(await failureOf(client.updateConnectionProfile({ id, config: http({ "X-KEY": "" }) }))).toMatchObject({
    fields,
  });
  expect(await failureOf(client.createConnectionProfile({ name: "b", config: http({ "X-KEY": "" }) }))).toMatchObject({
    fields,
  });
  await client.updateConnectionProfile({ id, updateMask: mask("config.http.headers") });
  const rollback = { id, revision: connectionProfile?.revision ?? 0n };
  expect(await failureOf(client.rollbackConnectionProfile(rollback))).toMatchObject({
    fields: ['config.http.headers["x-key"]'],
  });
  const secrets = { 'headers["x-key"]': canary("again") };
  const { connectionProfile: back } = await client.rollbackConnectionProfile({ ...rollback, secrets });
  expect(back?.secrets.find(({ set }) => set)?.path).toBe('headers["x-key"]');
});

test("a log-in whose only content is a secret keeps its kind through every way of writing it", async () => {
  const client = service.clientOf("headers-bearer");
  const bearer = { case: "bearer" as const, value: { token: canary("bearer") } };
  const config = { connector: { case: "http" as const, value: { url: "https://a.example", authentication: bearer } } };
  const { connectionProfile } = await client.createConnectionProfile({ name: "a", config });
  const id = connectionProfile?.id ?? "";
  for (const paths of [[], ["config"], ["config.http"], ["config.http.bearer"]]) {
    const { connectionProfile: read } = await client.getConnectionProfile({ id });
    const back = read?.config === undefined ? {} : { config: read.config };
    const { connectionProfile: written } = await client.updateConnectionProfile({ id, ...back, updateMask: { paths } });
    expect(written).toEqual(connectionProfile);
  }
  expect(connectionProfile?.config?.connector.value).toMatchObject({ authentication: { case: "bearer" } });
});
