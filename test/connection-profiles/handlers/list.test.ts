import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { failureOf } from "../expect-error.ts";
import { type ProfileClient, startProfileService } from "../start-profile-service.ts";

let service: Awaited<ReturnType<typeof startProfileService>>;
beforeAll(async () => {
  service = await startProfileService();
});
afterAll(() => service.drop());

const configs = {
  kafka: { connector: { case: "kafka" as const, value: { bootstrapServers: "a:9092" } } },
  redis: { connector: { case: "redis" as const, value: { address: "redis://a:6379" } } },
};

/** Every name that a list has, page by page. */
async function namesOf(client: ProfileClient, question: { filter?: string; orderBy?: string; showDeleted?: boolean }) {
  const names: string[] = [];
  let pageToken = "";
  do {
    const page = await client.listConnectionProfiles({ ...question, pageSize: 2, pageToken });
    names.push(...page.connectionProfiles.map(({ name }) => name));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return names;
}

describe("the list of profiles", () => {
  let client: ProfileClient;
  beforeAll(async () => {
    client = service.clientOf("list");
    const profiles = [
      ["prod-b", "kafka", { team: "data", env: "prod" }],
      ["prod-a", "redis", { team: "web" }],
      ["prod_%", "kafka", { team: "data team", "a/b": "" }],
      ["test-a", "kafka", {}],
      ["gone", "kafka", { team: "data" }],
    ] as const;
    for (const [name, connector, labels] of profiles)
      await client.createConnectionProfile({ name, labels, config: configs[connector] });
    const { connectionProfiles } = await client.listConnectionProfiles({ filter: 'name = "gone"' });
    await client.deleteConnectionProfile({ id: connectionProfiles[0]?.id ?? "" });
    const [first] = (await client.listConnectionProfiles({ filter: "name = test-a" })).connectionProfiles;
    await client.updateConnectionProfile({ id: first?.id ?? "", labels: { late: "1" } });
  });

  test.each([
    ['connector = "kafka"', ["prod-b", "prod_%", "test-a"]],
    ['connector = "kaf*"', ["prod-b", "prod_%", "test-a"]],
    ["name = prod-*", ["prod-a", "prod-b"]],
    ['name = "prod_*"', ["prod_%"]],
    ['name = "prod-a"', ["prod-a"]],
    ['labels.team = "data"', ["prod-b"]],
    ['labels.team = "data*"', ["prod-b", "prod_%"]],
    ["labels.team:*", ["prod-a", "prod-b", "prod_%"]],
    ['labels."a/b" = ""', ["prod_%"]],
    ["labels.nothing:*", []],
    ['connector = "kafka" AND labels.env = "prod" AND name = prod*', ["prod-b"]],
    ['connector = "nothing"', []],
  ])("with the filter %s", async (filter, names) => {
    expect(await namesOf(client, { filter })).toEqual(names);
  });

  test.each([
    ["name desc", ["test-a", "prod_%", "prod-b", "prod-a"]],
    ["created_at", ["prod-b", "prod-a", "prod_%", "test-a"]],
    ["created_at desc", ["test-a", "prod_%", "prod-a", "prod-b"]],
    ["updated_at desc", ["test-a", "prod_%", "prod-a", "prod-b"]],
  ])("in the order %s", async (orderBy, names) => {
    expect(await namesOf(client, { orderBy })).toEqual(names);
  });

  test("with deleted ones when they are asked for", async () => {
    expect(await namesOf(client, { showDeleted: true, filter: "labels.team = data" })).toEqual(["gone", "prod-b"]);
  });

  test("takes a token for the same question alone", async () => {
    const { nextPageToken: pageToken } = await client.listConnectionProfiles({ pageSize: 1, filter: "name = prod*" });
    expect(pageToken).not.toBe("");
    const same = await client.listConnectionProfiles({ pageSize: 5, pageToken, filter: 'name="prod*"' });
    expect(same.connectionProfiles.map(({ name }) => name)).toEqual(["prod-b", "prod_%"]);
    for (const other of [{}, { filter: "name = p*" }, { filter: "name = prod*", orderBy: "name desc" }])
      expect(await failureOf(client.listConnectionProfiles({ ...other, pageToken }))).toMatchObject({
        reason: "PAGE_TOKEN_INVALID",
      });
  });

  test.each([
    [{ filter: "nme = a" }, "filter"],
    [{ orderBy: "size" }, "order_by"],
  ])("%j is refused with its field", async (question, field) => {
    expect(await failureOf(client.listConnectionProfiles(question))).toMatchObject({
      code: "InvalidArgument",
      fields: [field],
    });
  });

  test("goes on past a profile whose secret was damaged", async () => {
    const damaged = service.clientOf("list-damaged");
    const config = { connector: { case: "kafka" as const, value: { ...configs.kafka.connector.value, sasl } } };
    for (const name of ["a", "b"]) await damaged.createConnectionProfile({ name, config });
    await service
      .knex("connection_profile_secret")
      .where({ organization_id: "list-damaged" })
      .update({ ciphertext: Buffer.from("damaged") });
    expect(await namesOf(damaged, {})).toEqual(["a", "b"]);
    const { connectionProfiles } = await damaged.listConnectionProfiles({});
    expect(await failureOf(damaged.testConnectionProfile({ id: connectionProfiles[0]?.id ?? "" }))).toMatchObject({
      reason: "SECRET_UNREADABLE",
      message: expect.stringContaining("sasl.password"),
    });
  });
});

const sasl = { protocol: "SASL_SSL", mechanism: "PLAIN", username: "ann", password: "a password" };
