import { createServer } from "node:http2";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { importJWK, type JWK } from "jose";
import createKnex from "knex";
import { ConnectionService } from "../../gen/connectory/v1/connection_service_pb.js";
import { authenticate } from "./authenticate.ts";
import { createConnection } from "./create-connection.ts";
import { validate } from "./validate.ts";

// CreateConnection as most people would write it, correct and with nothing done for speed: connect-node over
// node:http2, the token verified on every call, a Knex transaction per create. The publisher that would poll the outbox
// is left out, in its favour. usage: server.ts PORT, the database in PGHOST, PGPORT, PGUSER and PGDATABASE, the key of
// the tokens' issuer in PUBLIC_KEY.
const { PGHOST = "", PGPORT, PGUSER = "", PGDATABASE = "", PUBLIC_KEY } = process.env;
const port = Number(process.argv[2]);
if (!(port > 0) || PUBLIC_KEY === undefined) throw new Error("usage: PUBLIC_KEY=JWK server.ts PORT");

const key = (await importJWK(JSON.parse(PUBLIC_KEY) as JWK, "ES256")) as CryptoKey;
const knex = createKnex({
  client: "pg",
  connection: { host: PGHOST, port: Number(PGPORT), user: PGUSER, database: PGDATABASE },
  pool: { min: 0, max: 20 },
});
const adapter = connectNodeAdapter({
  interceptors: [authenticate(async () => key), validate()],
  routes: (router) => router.service(ConnectionService, { createConnection: createConnection(knex) }),
});
createServer(adapter).listen(port, "127.0.0.1");
