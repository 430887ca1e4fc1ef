import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { redirectTarget } from "../../src/connectors/http/redirect-target.ts";
import { clusterNodes, redirectedNode } from "../../src/connectors/redis/cluster-nodes.ts";
import { connectors } from "../../src/connectors/registry.ts";
import { isValidAdvertisedAddress } from "../../src/connectors/sdk/advertised-address.ts";
import { hostExpected } from "../../src/egress/is-host.ts";
import { fullConfigs } from "../connection-profiles/full-configs.ts";
import { noHosts } from "../egress/hosts.ts";

/** Of each field of each connector that names a host: the field's name as a violation has it, and the host in it. */
const places = fullConfigs.flatMap(({ case: id, value }) => {
  const text = JSON.stringify(value);
  const named = new Set([...text.matchAll(/\b(?:a|b|registry|tokens)\.example\b/g)].map(([host]) => host));
  return [...named].map((host) => [id, host, text] as const);
});

const told = (id: keyof typeof connectors, text: string) => {
  const connector = connectors[id];
  const config = create(connector.config, JSON.parse(text) as MessageInitShape<typeof connector.config>);
  return (connector.validate?.(config as never) ?? []).filter(
    ({ description }) => description.includes(hostExpected) || description.includes("must be host:port"),
  );
};

test.each(places)("%s has nothing against %s, and something against what is no host", (id, host, text) => {
  expect(told(id, text)).toEqual([]);
  for (const bad of [
    "a..b",
    "db.denied.example..",
    "127.1",
    "0x7f.1",
    "2130706433",
    "db%2edenied.example",
    "-a.example",
  ])
    expect(told(id, text.replaceAll(host, bad)).length, bad).toBeGreaterThan(0);
});

test("every connector was looked at", () => {
  expect(new Set(places.map(([id]) => id))).toEqual(new Set(Object.keys(connectors)));
});

test.each(noHosts.filter((host) => host !== "" && host !== "[::1]"))(
  "%j, announced by a server, is not followed",
  (host) => {
    expect(isValidAdvertisedAddress({ host, port: 1 })).toBe(false);
    expect(() => clusterNodes([[0, 1, [host, 6379]]], "asked.example")).toThrow("ADDRESS_INVALID");
    expect(redirectedNode(Object.assign(new Error(`MOVED 1 ${host}:1`), { name: "ReplyError" }))).toBeUndefined();
  },
);

test.each(["http://a..b/", "http://db.denied.example../", "http://-a.example", "//a..b/x"])(
  "a redirect to %s is broken",
  (location) => {
    const answer = { status: 302, headers: { location }, body: Buffer.alloc(0) };
    expect(() => redirectTarget(answer as never, new URL("http://a.example"))).toThrow("REDIRECT_BROKEN");
  },
);
