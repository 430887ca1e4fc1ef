import { expect, test } from "vitest";
import { isHost } from "../../src/egress/is-host.ts";
import { hosts, noHosts } from "./hosts.ts";

test.each(hosts)("%j is a host", (text) => expect(isHost(text)).toBe(true));

test.each([...noHosts, "fe80::1%eth0", "fd00::1%1"])("%j is none", (text) => expect(isHost(text)).toBe(false));
