import { Code, ConnectError, createContextKey, type Interceptor } from "@connectrpc/connect";
import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify, SignJWT } from "jose";

/** Who calls. */
export interface User {
  readonly id: string;
  readonly organizationId: string;
}

export const userKey = createContextKey<User>({ id: "", organizationId: "" });

const expected = { issuer: "textbook", audience: "textbook" };

/** Makes a token like the ones that the server under test gets: same algorithm, same claims. */
export function issueToken(privateKey: CryptoKey, user: User): Promise<string> {
  return new SignJWT({ org: user.organizationId, roles: ["admin"] })
    .setProtectedHeader({ alg: "ES256" })
    .setIssuer(expected.issuer)
    .setAudience(expected.audience)
    .setSubject(user.id)
    .setIssuedAt()
    .setExpirationTime("1h")
    .sign(privateKey);
}

/** Verifies the bearer token of every call. */
export function authenticate(key: JWTVerifyGetKey): Interceptor {
  return (next) => async (request) => {
    const token = /^Bearer (\S+)$/.exec(request.header.get("authorization") ?? "")?.[1];
    if (token === undefined) throw new ConnectError("no bearer token", Code.Unauthenticated);
    request.contextValues.set(userKey, toUser(await verify(token, key)));
    return next(request);
  };
}

async function verify(token: string, key: JWTVerifyGetKey): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(token, key, { ...expected, algorithms: ["ES256"] });
    return payload;
  } catch (error) {
    if (error instanceof errors.JOSEError) throw new ConnectError("token not accepted", Code.Unauthenticated);
    throw error;
  }
}

function toUser({ sub, org, roles }: JWTPayload): User {
  if (typeof sub !== "string" || typeof org !== "string") {
    throw new ConnectError("token not accepted", Code.Unauthenticated);
  }
  if (!Array.isArray(roles) || !roles.includes("admin")) throw new ConnectError("not allowed", Code.PermissionDenied);
  return { id: sub, organizationId: org };
}
