import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { parseConfig } from "../../src/app/parse-config.ts";
import { imageEnvironment, isKnown, lastStage, readFile } from "./read-deploy.ts";

const root = join(import.meta.dirname, "../..");

interface Service {
  readonly environment: Readonly<Record<string, string | number>>;
  readonly secrets?: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, object>>;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
}

const compose: {
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
  readonly volumes: object;
} = parse(readFile("compose.yaml"), { strict: true, uniqueKeys: true });
const { connectory, keycloak } = compose.services;
if (connectory === undefined || keycloak === undefined) throw new Error("a service is missing");
const { environment } = connectory;

describe("compose.yaml", () => {
  test("sets nothing but settings, which are read without a problem beside those of the image", () => {
    expect(Object.keys(environment).filter((name) => !isKnown(name))).toEqual([]);
    const plain = Object.entries(environment).filter(([name]) => !name.endsWith("_FILE"));
    const { NODE_ENV: _, ...image } = imageEnvironment();
    const config = parseConfig({
      ...image,
      ...Object.fromEntries(plain.map(([name, value]) => [name, String(value)])),
    });
    expect(config.issuer?.audience).toBe("connectory");
    expect(config.kafka?.brokers).toEqual(["kafka:9092"]);
  });

  test("gives every secret that a setting names, from a file that the page makes", () => {
    const named = Object.entries(environment).filter(([name]) => name.endsWith("_FILE"));
    expect(named.map(([, path]) => path)).toEqual(connectory.secrets?.map((name) => `/run/secrets/${name}`));
    const page = readFile("docs/deployment.md");
    for (const [name, { file }] of Object.entries(compose.secrets)) {
      expect(file).toBe(`./deploy/secrets/${name}`);
      expect(page).toContain(`> deploy/secrets/${name}\n`);
    }
  });

  test("the service runs without rights and with a read-only file system, on loopback ports of the image", () => {
    expect([connectory.read_only, connectory.cap_drop]).toEqual([true, ["ALL"]]);
    const exposed = lastStage()
      .find(({ name }) => name === "EXPOSE")
      ?.text.split(" ");
    expect(connectory.ports).toEqual(exposed?.map((port) => `127.0.0.1:${port}:${port}`));
  });

  test("every host, volume and file that it names is there", () => {
    const services = Object.keys(compose.services);
    const hosts = [
      String(environment.KAFKA_BROKERS).split(":")[0],
      new URL(String(environment.AUTH_JWKS_URL)).hostname,
    ];
    expect(
      [...hosts, ...Object.keys(connectory.depends_on ?? {})].filter((host) => !services.includes(host ?? "")),
    ).toEqual([]);
    const volumes = Object.values(compose.services).flatMap(({ volumes: own = [] }) =>
      own.map((one) => one.split(":")[0] ?? ""),
    );
    const missing = volumes.filter((one) =>
      one.startsWith("./") ? !existsSync(join(root, one)) : !Object.hasOwn(compose.volumes, one),
    );
    expect([volumes.length, missing]).toEqual([3, []]);
    expect(compose.services.postgres?.environment.POSTGRES_PASSWORD_FILE).toBe("/run/secrets/database-password");
  });

  test("Keycloak's realm is the issuer, and its client's tokens have the audience, an organization and roles of the service", () => {
    const realm = JSON.parse(readFile("deploy/keycloak/realm.json"));
    expect(environment.AUTH_ISSUER).toBe(`${keycloak.environment.KC_HOSTNAME}/realms/${realm.realm}`);
    expect(new URL(String(environment.AUTH_JWKS_URL)).pathname).toBe(
      `/realms/${realm.realm}/protocol/openid-connect/certs`,
    );
    const mappers: { protocolMapper: string; config: Record<string, string> }[] = realm.clients[0].protocolMappers;
    const of = (kind: string) => mappers.find(({ protocolMapper }) => protocolMapper === kind)?.config;
    expect(of("oidc-audience-mapper")?.["included.custom.audience"]).toBe(environment.AUTH_AUDIENCE);
    expect(of("oidc-hardcoded-claim-mapper")?.["claim.name"]).toBe("org");
    const roles: string[] = realm.roles.realm.map(({ name }: { name: string }) => name);
    expect(roles).toEqual(["viewer", "editor", "member", "admin"]);
    expect(environment.AUTH_ROLES_CLAIM).toBe("realm_access.roles");
    for (const { realmRoles } of realm.users) expect(roles).toEqual(expect.arrayContaining(realmRoles));
  });
});
