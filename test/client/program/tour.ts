import {
  createConnectoryClient,
  ErrorReason,
  isReason,
  items,
  metadataOf,
  orderedPair,
  watch,
} from "connectory/client";
import type { Connection } from "connectory/v1/connection";
import { ConnectionChange, type WatchConnectionsResponse } from "connectory/v1/connection_service";

/** What a caller does with the published package, against a real server; test/client/pack.test.ts runs it. */
export async function tour(options: Parameters<typeof createConnectoryClient>[0], name: string): Promise<string[]> {
  const { connections, connectionProfiles } = createConnectoryClient(options);
  const { connectors } = await connectionProfiles.listConnectors({});
  const said = [`knows kafka ${connectors.some(({ id }) => id === "kafka")}`];

  const watching = watch(connections.watchConnections, { userId: `${name}-hub` });
  const beginning: IteratorResult<WatchConnectionsResponse, void> = await watching.next();
  said.push(`begins with ${ConnectionChange[beginning.value?.change ?? 0]}`);

  for (const n of [1, 2, 3]) await connections.createConnection(orderedPair(`${name}-hub`, `${name}-${n}`));
  const listed: Connection[] = [];
  for await (const connection of items(connections.listConnections, { userId: `${name}-hub`, pageSize: 2 }))
    listed.push(connection);
  said.push(`listed ${listed.length}`);

  for (const n of [1, 2, 3]) {
    const { value } = await watching.next();
    const { userId1, userId2 } = value?.connection ?? {};
    said.push(`saw ${ConnectionChange[value?.change ?? 0]} ${[userId1, userId2].includes(`${name}-${n}`)}`);
  }
  await watching.return();

  const again = connections.createConnection(orderedPair(`${name}-1`, `${name}-hub`));
  const error: unknown = await again.catch((thrown: unknown) => thrown);
  said.push(`again ${isReason(error, ErrorReason.CONNECTION_ALREADY_EXISTS)}`);
  said.push(`known ${listed.some(({ id }) => id === metadataOf(error).id)}`);

  const config = { connector: { case: "kafka", value: { bootstrapServers: "broker1:9092" } } } as const;
  const { connectionProfile } = await connectionProfiles.createConnectionProfile({ name, config });
  said.push(`described ${connectionProfile?.description}`);
  return said;
}
