import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createNoopMeter } from "@opentelemetry/api";
import { exportJWK, generateKeyPair, type JWTVerifyGetKey, jwtVerify, SignJWT } from "jose";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openIssuerKeys } from "../../src/auth/issuer-keys.ts";

const minute = 60_000;
let server: Server;
let keySet: { keys: object[] };
let away: boolean;
let fetched: number;
let lines: { level: number; msg: string }[];
let failures: number;
let passed: number;
let keys: JWTVerifyGetKey;

beforeEach(async () => {
  [away, fetched, lines, failures, passed] = [false, 0, [], 0, 0];
  server = createServer((_request, response) => {
    fetched += 1;
    response.writeHead(away ? 503 : 200, { "content-type": "application/json" }).end(JSON.stringify(keySet));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const meter = createNoopMeter();
  vi.spyOn(meter, "createCounter").mockReturnValue({
    add: (value: number) => {
      failures += value;
    },
  });
  keys = openIssuerKeys({
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`),
    log: pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) }),
    meter,
    now: () => passed,
  });
});
afterEach(async () => {
  vi.useRealTimers();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** Both clocks go on: ours, and the wall clock that jose reads. */
function pass(ms: number) {
  passed += ms;
  vi.setSystemTime(Date.now() + ms);
}

async function newKey(kid: string) {
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  return { public: { ...(await exportJWK(publicKey)), kid, alg: "ES256" }, kid, privateKey };
}

/** A new token each time, as after a log-in. */
async function verify({ kid, privateKey }: Awaited<ReturnType<typeof newKey>>): Promise<string> {
  const token = await new SignJWT({ sub: "ann" })
    .setProtectedHeader({ alg: "ES256", kid })
    .setExpirationTime("1h")
    .sign(privateKey);
  return jwtVerify(token, keys).then(
    ({ payload }) => String(payload.sub),
    (error: Error) => error.message,
  );
}

test("an issuer that is away for hours stops no token of a key that is known, and each failure is told", async () => {
  const key = await newKey("k");
  keySet = { keys: [key.public] };
  expect(await verify(key)).toBe("ann");
  away = true;
  pass(11 * minute);
  expect(await verify(key)).toBe("ann");
  expect([fetched, failures]).toEqual([2, 1]);
  expect(lines.map(({ level, msg }) => [level, msg])).toEqual([
    [40, "the keys of the token issuer cannot be read: those read last serve on, for a day at most"],
  ]);

  expect(await verify(key)).toBe("ann"); // not tried again at once
  expect(fetched).toBe(2);
  pass(23 * 60 * minute);
  expect(await verify(key)).toBe("ann");
  await expect.poll(() => failures).toBe(2);

  away = false;
  pass(minute);
  expect(await verify(key)).toBe("ann");
  await expect.poll(() => lines.at(-1)?.msg).toBe("the keys of the token issuer can be read again");
});

test("after a day they serve no longer", async () => {
  const key = await newKey("k");
  keySet = { keys: [key.public] };
  expect(await verify(key)).toBe("ann");
  away = true;
  pass(24 * 60 * minute + 1);
  expect(await verify(key)).toContain("Expected 200 OK");
  away = false;
  expect(await verify(key)).toBe("ann");
});

test("a key that the issuer has taken back is not accepted after ten minutes", async () => {
  const [key, other] = [await newKey("k"), await newKey("other")];
  keySet = { keys: [key.public, other.public] };
  expect(await verify(key)).toBe("ann");
  keySet = { keys: [other.public] };
  pass(10 * minute);
  expect(await verify(key)).toContain("no applicable key found");
  expect(await verify(other)).toBe("ann");
});

test("an issuer that was never there is told, and found when it comes", async () => {
  const key = await newKey("k");
  keySet = { keys: [key.public] };
  away = true;
  expect(await verify(key)).toContain("Expected 200 OK");
  expect(lines.map(({ msg }) => msg)).toEqual([
    "the keys of the token issuer cannot be read: no token can be verified",
  ]);
  away = false;
  expect(await verify(key)).toBe("ann");
});
