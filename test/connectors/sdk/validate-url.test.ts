import { describe, expect, test } from "vitest";
import { looksLikeSecretName } from "../../../src/connectors/sdk/secret-name-heuristic.ts";
import { validateUrl } from "../../../src/connectors/sdk/validate-url.ts";

const web = ["http", "https"];
const wrong = (text: string, schemes = web) => validateUrl("url", text, schemes).length > 0;

describe("a URL", () => {
  test.each([
    "http://host",
    "https://host.example:8443/a/b?page=1&monkey=2",
    "https://[2001:db8::1]:1/",
    "http://10.0.0.1",
    "HTTPS://Host.Example/",
    "http://bücher.example",
    "http://broker_1:80",
  ])("%s is right", (text) => expect(wrong(text)).toBe(false));

  test.each([
    "host.example",
    "ftp://host",
    "http:host",
    "http:/host",
    "http:\\\\host",
    "http://",
    "http://user@host",
    "http://user:pw@host",
    "http://@host",
    "http://:@host",
    "http://host:0",
    "http://host:65536",
    "http://host/#",
    "http://host/#a",
    "http://host/ a",
    "http://ho\nst",
    "http://host\u0000",
    " http://host",
    "http://host/?token=1",
    "http://host/?a=1&api_key=1",
    "http://host/?sig=1",
    "http://host/?X-Amz-Signature=1",
    "http://host/?%74oken=1",
    "http://ho%00st",
    "http://[fe80::1%25eth0]/",
    "http://a..b",
    "http://db.example../",
    "http://127.1",
    "http://0x7f000001:80/",
    "http://2130706433",
    "http://10.0.0.1./",
    "http://\uff11\uff12\uff17.0.0.1",
    "http://db%2eexample",
  ])("%j is wrong", (text) => expect(wrong(text)).toBe(true));

  test.each([
    ["mqtt://host:1883", false],
    ["mqtt://[::1]:1883", false],
    ["mqtts://host", false],
    ["mqtt://user@host", true],
    ["mqtt://ho%41st", true],
    ["mqtt://", true],
    ["mqtt:host", true],
    ["mqtt://host:99999", true],
    ["mqtt://host..example", true],
    ["mqtt://-host", true],
    ["http://host", true],
  ])("%s of another scheme: %s", (text, is) => expect(wrong(text, ["mqtt", "mqtts"])).toBe(is));

  test("is not repeated in what is said of it, and an empty one is nothing to look at", () => {
    expect(JSON.stringify(validateUrl("url", "https://u:hidden@host/?token=hidden", web))).not.toContain("hidden");
    expect(validateUrl("url", "", web)).toEqual([]);
  });
});

describe("a name", () => {
  test.each([
    "token",
    "access_token",
    "accessToken",
    "ACCESSTOKEN",
    "X-Api-Key",
    "apikey",
    "sig",
    "pwd",
    "client_secret",
  ])("%s is one of a secret", (name) => expect(looksLikeSecretName(name)).toBe(true));
  test.each(["page", "monkey", "keyboard", "design", "compass", "limit", "author", "x-request-id", ""])(
    "%j is not",
    (name) => expect(looksLikeSecretName(name)).toBe(false),
  );
});
