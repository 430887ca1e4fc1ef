import { fromSeed } from "@nats-io/nkeys";
import type { NatsConfig, NatsJwt } from "../../../gen/connectory/v1/nats_config_pb.js";
import type { FieldViolation } from "../../errors/api-error.ts";
import { readUserJwt } from "./read-user-jwt.ts";

/** Returns the violations of a log-in, without a connection: an invalid JWT or seed, or a pair that does not match. */
export function validateNatsLogin(authentication: NatsConfig["authentication"]): readonly FieldViolation[] {
  return authentication.case === "jwt" ? checkJwt(authentication.value) : [];
}

function checkJwt({ jwt, nkeySeed }: NatsJwt): readonly FieldViolation[] {
  const claims = readUserJwt(jwt);
  const key = publicKeyOf(nkeySeed);
  const violations: FieldViolation[] = [];
  const report = (field: string, description: string) => violations.push({ field: `jwt.${field}`, description });
  if (claims === undefined) report("jwt", "must be the JWT of a NATS user: three parts with dots between them");
  if (key === undefined) report("nkey_seed", "must be the seed of a user's NKey, which begins with SU");
  if (claims !== undefined && key !== undefined && claims.subject !== key)
    report("nkey_seed", "is the seed of another user than the one that jwt.jwt is for");
  return violations;
}

function publicKeyOf(seed: string): string | undefined {
  try {
    const key = fromSeed(new TextEncoder().encode(seed)).getPublicKey();
    return key.startsWith("U") ? key : undefined;
  } catch {
    return undefined;
  }
}
