import type { Knex } from "knex";
import { type ConnectorRegistry, findConnector } from "../../connectors/registry.ts";
import { destinationDigestOf } from "../config/resolve-config.ts";
import { selectConnector } from "../config/select-connector.ts";
import { readProfile } from "./read-profile.ts";

/** Returns the destination digest of a stored profile; undefined without such a profile or such a connector. */
export async function storedDestination(
  knex: Knex,
  registry: ConnectorRegistry,
  organizationId: string,
  id: string,
): Promise<Uint8Array | undefined> {
  const { config } = (await readProfile(knex, organizationId, id)) ?? {};
  if (config?.connector.case === undefined || findConnector(registry, config.connector.case) === undefined)
    return undefined;
  return destinationDigestOf(selectConnector(registry, [], config));
}
