// Creates, reads, updates and lists profiles with the client that openapi-generator has made.
import { readFileSync } from "node:fs";
import {
  Configuration,
  ConnectionProfileServiceApi,
  ConnectionProfileToJSON,
  CreateConnectionProfileRequestFromJSON,
  UpdateConnectionProfileBodyFromJSON,
} from "./client/index.js";

const { baseUrl, token, calls } = JSON.parse(readFileSync(0, "utf8"));
const profiles = new ConnectionProfileServiceApi(new Configuration({ basePath: baseUrl, accessToken: token }));
const outcomes = [];
for (const { create, update } of calls) {
  const createConnectionProfileRequest = CreateConnectionProfileRequestFromJSON(create);
  const created = await profiles.createConnectionProfile({ createConnectionProfileRequest });
  const read = await profiles.getConnectionProfile({ id: created.id });
  const updateConnectionProfileBody = UpdateConnectionProfileBodyFromJSON(update);
  const updated = await profiles.updateConnectionProfile({ id: created.id, updateConnectionProfileBody });
  outcomes.push({
    created: ConnectionProfileToJSON(created),
    read: ConnectionProfileToJSON(read),
    updated: ConnectionProfileToJSON(updated),
  });
}
const { data } = await profiles.listConnectionProfiles({ pageSize: 100 });
process.stdout.write(JSON.stringify({ outcomes, listed: data.map(ConnectionProfileToJSON) }));
