import { networkInterfaces } from "node:os";
import { describe, expect, test } from "vitest";
import { createEgressPolicy, EgressDenied, type EgressPolicyOptions } from "../../src/egress/egress-policy.ts";
import { parseEgressRules } from "../../src/egress/parse-egress-rules.ts";
import { selfTargets } from "../../src/egress/self-targets.ts";
import { type NameAnswer, openNameServer } from "./open-name-server.ts";

function policy(allow = "", deny = "", options: Partial<EgressPolicyOptions> = {}) {
  const rules = { allow: parseEgressRules(allow).rules, deny: parseEgressRules(deny).rules };
  return createEgressPolicy({ ...rules, allowLoopback: false, ...options });
}

async function isDenied(
  what: ReturnType<typeof policy>,
  addresses: string | string[],
  host = "db.example",
  port = 5432,
) {
  try {
    await what.check({ host, port }, [addresses].flat());
    return false;
  } catch (error) {
    if (error instanceof EgressDenied) return true;
    throw error;
  }
}

const closedByDefault = [
  "127.0.0.1",
  "127.8.8.8",
  "::1",
  "0.0.0.0",
  "::",
  "169.254.169.254",
  "169.254.1.1",
  "fe80::1",
  "fe80::1%eth0",
  "fd00:ec2::254",
  "fd00:ec2::254%eth0",
  "fd00:ec2::254%1",
  "fd12::1%eth0",
  "fd20:ce::254",
  "100.100.100.200",
  "168.63.129.16",
  "192.0.0.192",
  "224.0.0.1",
  "ff02::1",
  "255.255.255.255",
  "240.0.0.1",
  "::ffff:127.0.0.1",
  "::ffff:169.254.169.254",
  "::ffff:a9fe:a9fe",
  "::169.254.169.254",
  "2002:a9fe:a9fe::1",
  "2002:7f00:1::",
  "64:ff9b::169.254.169.254",
  "64:ff9b::7f00:1",
  "64:ff9b:1::a9fe:a9fe",
  "::ffff:0:169.254.169.254",
  "2001:0:1::1",
  "100::1",
];

describe("what is closed and what is open without any rule", () => {
  test.each(closedByDefault)("%s is closed", async (address) => {
    expect(await isDenied(policy(), address)).toBe(true);
  });

  test.each([
    "8.8.8.8",
    "10.0.0.1",
    "192.168.1.1",
    "172.16.0.1",
    "100.64.0.1",
    "2606:4700::1",
    "fd12::1",
    "64:ff9b::808:808",
  ])("%s is open", async (address) => {
    expect(await isDenied(policy(), address)).toBe(false);
  });

  test("a zone closes an address, in the name too, even one that EGRESS_ALLOW has", async () => {
    expect(await isDenied(policy("::/0"), "fd12::1%1")).toBe(true);
    expect(await isDenied(policy(), "fd12::1", "fd12::1%1")).toBe(true);
  });

  test("one closed address among open ones closes the name", async () => {
    expect(await isDenied(policy(), ["8.8.8.8", "169.254.169.254"])).toBe(true);
  });

  test("a server that only its own machine can reach may dial loopback, and nothing else that is closed", async () => {
    const local = policy("", "", { allowLoopback: true });
    expect(await isDenied(local, ["127.0.0.1", "::1", "::ffff:127.0.0.1"])).toBe(false);
    for (const address of ["0.0.0.0", "169.254.169.254", "fe80::1", "::"])
      expect(await isDenied(local, address)).toBe(true);
  });
});

describe("rules", () => {
  test("a block of EGRESS_ALLOW opens a closed range, only itself", async () => {
    const opened = policy("127.0.0.0/24");
    expect(await isDenied(opened, "127.0.0.1")).toBe(false);
    expect(await isDenied(opened, "::ffff:127.0.0.1")).toBe(false);
    expect(await isDenied(opened, "127.1.0.1")).toBe(true);
  });

  test("a name or * of EGRESS_ALLOW opens no closed range", async () => {
    expect(await isDenied(policy("example, *"), "169.254.169.254")).toBe(true);
  });

  test("EGRESS_DENY wins over EGRESS_ALLOW, by address and by name", async () => {
    expect(await isDenied(policy("10.0.0.0/8", "10.1.0.0/16"), "10.1.2.3")).toBe(true);
    expect(await isDenied(policy("10.0.0.0/8", "10.1.0.0/16"), "10.2.2.3")).toBe(false);
    expect(await isDenied(policy("10.0.0.0/8", "example"), "10.2.2.3")).toBe(true);
    expect(await isDenied(policy("", "10.0.0.0/8"), "64:ff9b::10.2.2.3")).toBe(true);
  });

  test("a name rule covers the name and those below it, whatever their case, and no other", async () => {
    const closed = policy("", "example.com");
    for (const host of ["example.com", "a.b.EXAMPLE.com", "example.com."])
      expect(await isDenied(closed, "8.8.8.8", host)).toBe(true);
    expect(await isDenied(closed, "8.8.8.8", "notexample.com")).toBe(false);
  });

  test("* in EGRESS_DENY closes what EGRESS_ALLOW does not name", async () => {
    const closed = policy("10.0.0.0/8, example.com", "*");
    expect(await isDenied(closed, "10.1.1.1")).toBe(false);
    expect(await isDenied(closed, "8.8.8.8", "db.example.com")).toBe(false);
    expect(await isDenied(closed, "8.8.8.8")).toBe(true);
    expect(await isDenied(closed, "169.254.169.254", "db.example.com")).toBe(true);
  });

  test("the hint names the setting and no address", async () => {
    const error = await policy("", "10.0.0.0/8")
      .check({ host: "a", port: 1 }, ["10.0.0.9"])
      .catch((e: Error) => e);
    expect(error).toBeInstanceOf(EgressDenied);
    expect((error as EgressDenied).hint).toContain("EGRESS_DENY");
    expect((error as EgressDenied).hint).not.toMatch(/10\./);
  });
});

describe("protected targets", () => {
  test("are closed by name, by address and in mapped form, at their port alone, whatever EGRESS_ALLOW says", async () => {
    const guarded = policy("0.0.0.0/0, ::/0", "", { protectedTargets: [{ host: "10.9.9.9", port: 5432 }] });
    expect(await isDenied(guarded, "10.9.9.9")).toBe(true);
    expect(await isDenied(guarded, "::ffff:10.9.9.9")).toBe(true);
    expect(await isDenied(guarded, "64:ff9b::10.9.9.9")).toBe(true);
    expect(await isDenied(guarded, "10.9.9.8")).toBe(false);
    expect(await isDenied(guarded, "10.9.9.9", "db.example", 5433)).toBe(false);
    const named = policy("", "", { protectedTargets: [{ host: "Db.example", port: 5432 }] });
    expect(await isDenied(named, "10.0.0.1", "db.example.")).toBe(true);
    const six = { allowLoopback: true, protectedTargets: selfTargets("postgres://u@[::1]:5432/x", []) };
    expect(await isDenied(policy("", "", six), "::1", "::1")).toBe(true);
  });

  test("one whose name cannot be looked up closes its port: the target could be it", async () => {
    const guarded = policy("", "", { protectedTargets: [{ host: "no-such-host.invalid", port: 5432 }] });
    expect(await isDenied(guarded, "10.0.0.1")).toBe(true);
    expect(await isDenied(guarded, "10.0.0.1", "db.example", 5433)).toBe(false);
  });

  test("one keeps the addresses that it had while its name gets no full answer", async () => {
    let six: NameAnswer = "SERVFAIL";
    let four: NameAnswer = ["10.0.0.7"];
    const server = await openNameServer(({ type }) => (type === "A" ? four : six));
    const protectedTargets = [{ host: "own.example.", port: 5432 }];
    const names = { servers: [server.address], timeoutMs: 50 };
    const guarded = createEgressPolicy({ allow: [], deny: [], allowLoopback: false, protectedTargets }, names);
    try {
      expect(await isDenied(guarded, "10.0.0.1")).toBe(true);
      six = ["2001:db8:1::7", "fd12::7"];
      expect(await isDenied(guarded, "10.0.0.1")).toBe(false);
      [four, six] = ["silence", "silence"];
      for (const address of ["10.0.0.7", "fd12::7"]) expect(await isDenied(guarded, address)).toBe(true);
      expect(await isDenied(guarded, "10.0.0.1")).toBe(false);
    } finally {
      server.close();
    }
  });

  test("one on this machine is closed at every address of this machine", async () => {
    const guarded = policy("", "", { allowLoopback: true, protectedTargets: [{ host: "localhost", port: 5432 }] });
    const own = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
    const addresses = ["127.0.0.1", "127.0.0.2", "::1", ...own.map(({ address }) => address)];
    for (const address of addresses) expect(await isDenied(guarded, address)).toBe(true);
    expect(await isDenied(guarded, "127.0.0.1", "db.example", 5433)).toBe(false);
  });
});
