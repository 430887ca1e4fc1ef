import { describe, expect, test } from "vitest";
import { ConfigError, parseConfig } from "../src/app/parse-config.ts";

const key = Buffer.alloc(32, 1).toString("base64");

function problemsOf(environment: Record<string, string>): string {
  try {
    parseConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return "";
}

describe("parseConfig", () => {
  test("an empty environment is a working configuration on loopback", () => {
    const config = parseConfig({});
    expect(config.grpcAddress).toEqual({ host: "127.0.0.1", port: 50051 });
    expect(config.httpAddress).toEqual({ host: "127.0.0.1", port: 8080 });
    expect(config.dataDir.endsWith("/data")).toBe(true);
    expect([config.kafka, config.issuer, config.databaseUrl, config.secretKeys]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect(config.connectionAccess).toBe("organization");
  });

  test("empty values count as absent", () => {
    expect(parseConfig({ KAFKA_BROKERS: " ", AUTH_ISSUER: "" }).kafka).toBeUndefined();
  });

  test("every problem is told at once", () => {
    const message = problemsOf({
      GRPC_ADDR: "nowhere",
      DATABASE_POOL_MAX: "0",
      KAFKA_BROKERS: "broker",
      LOG_LEVEL: "loud",
      CONNECTION_ACCESS: "anybody",
      TLS_CERT_FILE: "cert.pem",
      EGRESS_DENY: "10.0.0.0/99",
    });
    for (const name of [
      "GRPC_ADDR",
      "DATABASE_POOL_MAX",
      "KAFKA_BROKERS",
      "LOG_LEVEL",
      "CONNECTION_ACCESS",
      "TLS_CERT_FILE",
      "EGRESS_DENY",
    ])
      expect(message).toContain(`- ${name}: `);
  });

  test("the setting that CONNECTION_ACCESS has replaced is refused, whatever it says", () => {
    for (const old of ["login", "participant"])
      expect(problemsOf({ CONNECTION_CREATE_POLICY: old, CONNECTION_ACCESS: "participant" })).toContain(
        "- CONNECTION_CREATE_POLICY: is now CONNECTION_ACCESS",
      );
    expect(parseConfig({ CONNECTION_ACCESS: "participant" }).connectionAccess).toBe("participant");
  });

  test("the local issuer is refused on an address that others can reach", () => {
    expect(problemsOf({ HTTP_ADDR: "0.0.0.0:8080" })).toContain("AUTH_ISSUER");
    const issuer = { AUTH_ISSUER: "https://issuer", AUTH_AUDIENCE: "us", AUTH_JWKS_URL: "https://issuer/keys" };
    expect(parseConfig({ HTTP_ADDR: "0.0.0.0:8080", ...issuer }).issuer?.audience).toBe("us");
  });

  test("an issuer needs an audience and its keys, and they need an issuer", () => {
    expect(problemsOf({ AUTH_ISSUER: "https://issuer" })).toMatch(/AUTH_AUDIENCE.*AUTH_JWKS_URL/s);
    expect(problemsOf({ AUTH_AUDIENCE: "us" })).toContain("AUTH_AUDIENCE");
  });

  test("claims, the default role and the mapping of roles are read, and refused with what is wrong", () => {
    const issuer = { AUTH_ISSUER: "https://issuer", AUTH_AUDIENCE: "us", AUTH_JWKS_URL: "https://issuer/keys" };
    expect(parseConfig(issuer).issuer).toMatchObject({
      rolesClaim: { name: "roles", segments: undefined },
      defaultRole: undefined,
      roleMapping: undefined,
    });
    const set = {
      AUTH_ROLES_CLAIM: "/realm_access/roles",
      AUTH_ORG_CLAIM: "tenant.id",
      AUTH_DEFAULT_ROLE: "viewer",
      AUTH_ROLE_MAPPING: "group-a=admin, group b = viewer,a=b%2Cc=editor",
    };
    const read = parseConfig({ ...issuer, ...set }).issuer;
    expect([read?.rolesClaim.segments, read?.organizationClaim.segments, read?.defaultRole]).toEqual([
      ["realm_access", "roles"],
      ["tenant", "id"],
      "viewer",
    ]);
    expect([...(read?.roleMapping ?? [])]).toEqual([
      ["group-a", ["admin"]],
      ["group b", ["viewer"]],
      ["a=b,c", ["editor"]],
    ]);
    for (const name of Object.keys(set))
      expect(problemsOf(set)).toContain(`- ${name}: has no effect without AUTH_ISSUER`);
    expect(problemsOf({ ...issuer, AUTH_ROLES_CLAIM: "a..b" })).toContain("AUTH_ROLES_CLAIM: has an empty part");
    expect(problemsOf({ ...issuer, AUTH_ORG_CLAIM: "__proto__" })).toContain("AUTH_ORG_CLAIM: must not have __proto__");
    expect(problemsOf({ ...issuer, AUTH_DEFAULT_ROLE: "root" })).toContain(
      "AUTH_DEFAULT_ROLE: must be one of none, viewer",
    );
    for (const [mapping, why] of [
      ["group", "must be NAME=ROLE"],
      ["=admin", "must be NAME=ROLE"],
      ["group=root", "the role must be one of"],
      ["50%=admin", "%25 is %"],
    ])
      expect(problemsOf({ ...issuer, AUTH_ROLE_MAPPING: mapping ?? "" })).toContain(why);
  });

  test("a shared database needs shared keys", () => {
    expect(problemsOf({ DATABASE_URL: "postgres://db/x" })).toContain("SECRET_KEYS");
    expect(
      parseConfig({ DATABASE_URL: "postgres://db/x", SECRET_KEYS: `b:${key},a:${key}` }).secretKeys?.map(
        ({ id }) => id,
      ),
    ).toEqual(["b", "a"]);
  });

  test.each(["short:AAAA", "noname", `a:${key},a:${key}`])("SECRET_KEYS %s is refused", (value) => {
    expect(problemsOf({ SECRET_KEYS: value })).toContain("SECRET_KEYS");
  });

  test("several hosts of a database are refused with what is so, and without the password", () => {
    for (const hosts of [
      "a:5432,b:5433/x",
      "a,b/x",
      "[::1]:1,[::2]:2/x",
      "a/x?host=a,b",
      "a/x?ssl=1&host=a%2Cb",
      "a/x?port=1,2",
    ]) {
      const message = problemsOf({ DATABASE_URL: `postgres://user:hid,den@${hosts}`, SECRET_KEYS: `a:${key}` });
      expect(message).toContain("DATABASE_URL: names several hosts, and the service connects to one");
      expect(message).not.toContain("hid,den");
      expect(message).not.toContain("must be a URL");
    }
    const url = "postgres://user:hid,den@a/x?options=-c%20a%3Db,c";
    expect(parseConfig({ DATABASE_URL: url, SECRET_KEYS: `a:${key}` }).databaseUrl).toContain("hid,den");
  });

  test("parameters that only libpq honours are refused, and those of pg are not", () => {
    const problems = (query: string) =>
      problemsOf({ DATABASE_URL: `postgres://user:hunter2@a/x?${query}`, SECRET_KEYS: `a:${key}` });
    for (const name of ["target_session_attrs", "hostaddr", "require_auth", "channel_binding", "sslcrl"]) {
      const message = problems(`application_name=x&${name}=read-write`);
      expect(message).toContain(`DATABASE_URL: ${name}: a parameter of libpq that has no effect here`);
      expect(message).not.toContain("hunter2");
    }
    const url = "postgres://user@a/x?sslmode=verify-full&application_name=x&options=-c%20a%3Db&keepalives=1";
    expect(parseConfig({ DATABASE_URL: url, SECRET_KEYS: `a:${key}` }).databaseUrl).toBe(url);
  });

  test("an sslmode without a meaning is refused, and those that pg treats as verify-full are written so", () => {
    const read = (query: string) =>
      parseConfig({ DATABASE_URL: `postgres://user@a/x?${query}`, SECRET_KEYS: `a:${key}` }).databaseUrl;
    for (const mode of ["prefer", "require", "verify-ca"])
      expect(read(`a=b&sslmode=${mode}&c=d`)).toBe("postgres://user@a/x?a=b&sslmode=verify-full&c=d");
    for (const query of ["sslmode=disable", "sslmode=no-verify", "sslmode=require&uselibpqcompat=true", "ssl=true"])
      expect(read(query)).toBe(`postgres://user@a/x?${query}`);
    for (const query of ["sslmode=allow", "sslmode=Require", "sslmode=", "sslmode=1"])
      expect(problemsOf({ DATABASE_URL: `postgres://user:hunter2@a/x?${query}`, SECRET_KEYS: `a:${key}` })).toMatch(
        /^[^\n]*\n {2}- DATABASE_URL: sslmode must be one of disable, [^\n]*$/,
      );
    expect(problemsOf({ DATABASE_URL: "postgres://a/x?ssl=false", SECRET_KEYS: `a:${key}` })).toContain(
      "DATABASE_URL: ssl must be true, 1, 0 or no-verify: write sslmode=disable",
    );
  });

  test("an origin is what browsers send, and a wrong one is refused with the right one", () => {
    const good = [
      "https://app.example",
      "http://localhost:5173",
      "capacitor://localhost",
      "chrome-extension://abc",
      "*",
    ];
    expect(parseConfig({ CORS_ORIGINS: good.join(", ") }).corsOrigins).toEqual(good);
    for (const [origin, right] of [
      ["https://app.example/", "https://app.example"],
      ["https://app.example:443", "https://app.example"],
      ["http://app.example:80/path?x", "http://app.example"],
      ["HTTPS://App.Example", "https://app.example"],
      ["https://bücher.example", "https://xn--bcher-kva.example"],
      ["capacitor://localhost/", "capacitor://localhost"],
    ])
      expect(problemsOf({ CORS_ORIGINS: `https://a.example,${origin}` })).toBe(
        `The environment is not right:\n  - CORS_ORIGINS: ${origin}: write it as browsers send it: ${right}`,
      );
    expect(problemsOf({ CORS_ORIGINS: "app.example" })).toContain("write https://app.example or http://");
    expect(problemsOf({ CORS_ORIGINS: "localhost:5173" })).toContain("write https://localhost:5173 or http://");
    expect(problemsOf({ CORS_ORIGINS: "https://" })).toContain("CORS_ORIGINS: https://: ");
    expect(problemsOf({ CORS_ORIGINS: "https://*.example" })).toContain("a name with * matches nothing");
  });

  test("prepared statements are used unless they are turned off, which is for an external database", () => {
    const external = { DATABASE_URL: "postgres://user@db/x", SECRET_KEYS: `a:${key}` };
    expect(parseConfig(external).databasePrepare).toBe(true);
    expect(parseConfig({ ...external, DATABASE_PREPARE: "off" }).databasePrepare).toBe(false);
    expect(problemsOf({ ...external, DATABASE_PREPARE: "no" })).toContain("DATABASE_PREPARE: must be one of on, off");
    expect(problemsOf({ DATABASE_PREPARE: "off" })).toContain("DATABASE_PREPARE: is for a pooler");
  });

  test("a wrong database URL is refused without repeating its password", () => {
    const message = problemsOf({ DATABASE_URL: "mysql://user:hunter2@db/x", SECRET_KEYS: `a:${key}` });
    expect(message).toContain("DATABASE_URL");
    expect(message).not.toContain("hunter2");
  });

  test("addresses may be IPv6", () => {
    expect(parseConfig({ GRPC_ADDR: "[::1]:1" }).grpcAddress).toEqual({ host: "::1", port: 1 });
  });

  test("the database's host is one", () => {
    const SECRET_KEYS = `k:${Buffer.alloc(32).toString("base64")}`;
    for (const url of ["postgres://u:p@db.example.:5432/x", "postgres:///x?host=/run/postgresql", "postgres://[::1]/x"])
      expect(parseConfig({ DATABASE_URL: url, SECRET_KEYS }).databaseUrl).toBe(url);
    for (const url of [
      "postgres://u:hidden@a..b/x",
      "postgres://u:hidden@127.1/x",
      "postgres://u:hidden@a/x?host=0x7f.1",
    ]) {
      expect(problemsOf({ DATABASE_URL: url, SECRET_KEYS })).toContain("DATABASE_URL: its host must be");
      expect(problemsOf({ DATABASE_URL: url, SECRET_KEYS })).not.toContain("hidden");
    }
  });

  test("Kafka settings", () => {
    const sasl = { KAFKA_SASL_MECHANISM: "scram-sha-512", KAFKA_SASL_USERNAME: "u", KAFKA_SASL_PASSWORD: "p" };
    expect(parseConfig({ KAFKA_BROKERS: "a:1, b:2", KAFKA_SSL: "true", ...sasl }).kafka).toEqual({
      brokers: ["a:1", "b:2"],
      ssl: true,
      sasl: { mechanism: "scram-sha-512", username: "u", password: "p" },
    });
    expect(problemsOf({ KAFKA_BROKERS: "[::1]:9092" })).toContain("IPv6");
    for (const broker of ["a..b:1", "db.example..:1", "127.1:1", "0x7f.1:9092", "a:0", "a:65536", "a"])
      expect(problemsOf({ KAFKA_BROKERS: `a:1,${broker}` })).toContain(`KAFKA_BROKERS: ${broker} is not`);
    expect(problemsOf({ KAFKA_SASL_USERNAME: "u" })).toContain("KAFKA_SASL_MECHANISM");
    expect(problemsOf({ KAFKA_SASL_MECHANISM: "plain" })).toContain("KAFKA_SASL_USERNAME");
  });
});
