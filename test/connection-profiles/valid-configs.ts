import { create, fromJson, type JsonValue, toJson } from "@bufbuild/protobuf";
import { createUser } from "@nats-io/nkeys";
import { type ConnectorConfig, ConnectorConfigSchema } from "../../gen/connectory/v1/connector_pb.js";
import { pem } from "../connectors/local-server.ts";
import { canary } from "../support/canary.ts";
import { fullConfigs } from "./full-configs.ts";

/** A NATS user: seed and JWT, in place of the canaries. */
const user = createUser();
const seed = new TextDecoder().decode(user.getSeed());
const claims = Buffer.from(JSON.stringify({ sub: user.getPublicKey(), nats: { type: "user" } })).toString("base64url");
const jwt = `e30.${claims}.${canary("jwt-signature")}`;

/** `fullConfigs` with certificates and keys that can be read, and everything on this machine, where nothing listens. */
export const validConfigs: readonly ConnectorConfig[] = fullConfigs.map((member) => {
  const whole = create(ConnectorConfigSchema, { connector: member });
  const text = JSON.stringify(toJson(ConnectorConfigSchema, whole))
    .replaceAll(/[a-z]+\.example/g, "127.0.0.1")
    .replaceAll('"the ca"', JSON.stringify(pem("authority")))
    .replaceAll('"the cert"', JSON.stringify(pem("client")))
    .replaceAll(JSON.stringify(canary("tls-key")), JSON.stringify(pem("client-key")))
    .replaceAll(JSON.stringify(canary("seed")), JSON.stringify(seed))
    .replaceAll(JSON.stringify(canary("jwt")), JSON.stringify(jwt))
    .replaceAll(/"port":\d+/g, '"port":1')
    .replaceAll(/127\.0\.0\.1:\d+/g, "127.0.0.1:1");
  return fromJson(ConnectorConfigSchema, JSON.parse(text) as JsonValue);
});
