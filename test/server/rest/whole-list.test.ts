import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import {
  ListConnectionProfilesRequestSchema,
  ListConnectionProfilesResponseSchema,
} from "../../../gen/connectory/v1/connection_profile_service_pb.js";
import { askForWhole, completeList } from "../../../src/server/rest/web-form/whole-list.ts";

const page = (number: number, last: number) =>
  create(ListConnectionProfilesResponseSchema, {
    connectionProfiles: [{ id: `cp_${number}` }],
    nextPageToken: number < last ? `${number + 1}` : "",
  });

test.each([
  [1, 1, ""],
  [3, 3, ""],
  [40, 10, "11"],
])("of %i pages a list has %i, then the token of the rest", async (pages, read, token) => {
  const request = create(ListConnectionProfilesRequestSchema, { filter: 'connector = "kafka"' });
  expect(askForWhole(request)).toBe(true);
  const first = page(1, pages);
  await completeList(request, first, async ({ pageToken, filter, pageSize, orderBy }) => {
    expect({ filter, pageSize, orderBy }).toEqual({
      filter: 'connector = "kafka"',
      pageSize: 1000,
      orderBy: "updated_at desc",
    });
    return page(Number(pageToken), pages);
  });
  expect(first.connectionProfiles.map(({ id }) => id)).toEqual(Array.from({ length: read }, (_, at) => `cp_${at + 1}`));
  expect(first.nextPageToken).toBe(token);
});

test("a request that pages, or is for something else, stays as it is", () => {
  for (const given of [{ pageSize: 5 }, { pageToken: "t" }]) {
    const request = create(ListConnectionProfilesRequestSchema, given);
    expect(askForWhole(request)).toBe(false);
    expect(request.orderBy).toBe("");
  }
  expect(askForWhole(page(1, 1))).toBe(false);
});
