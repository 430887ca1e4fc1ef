import type { Knex } from "knex";
import { type ConnectorRegistry, findConnector } from "../connectors/index.ts";
import { chooseConnector } from "./choose-connector.ts";
import { readProfile } from "./read-profile.ts";
import { digestOf } from "./resolved-config.ts";

/** The digest of where a stored profile's secrets are sent; undefined without such a profile or such a connector. */
export async function readDestination(
  knex: Knex,
  registry: ConnectorRegistry,
  organizationId: string,
  id: string,
): Promise<Uint8Array | undefined> {
  const { config } = (await readProfile(knex, organizationId, id)) ?? {};
  if (config?.connector.case === undefined || findConnector(registry, config.connector.case) === undefined)
    return undefined;
  return digestOf(chooseConnector(registry, [], config));
}
