import { type AuthPlugin, authPlugins as standard } from "mysql2";

/** What the error of a log-in says that would show the password; known again by it, mysql2 sets the code itself. */
export const needsTls = "ERR_PASSWORD_NEEDS_TLS";

/**
 * The ways to log in that mysql2 lacks or does in another way. In TLS the password itself may go over the wire, as MySQL's
 * own client does it. In clear nothing does that could be read on the way: neither the password, nor the password
 * encrypted for whoever sends a key.
 */
export function authPlugins(password: string, inTls: boolean): Record<string, AuthPlugin> {
  const refuse = () => {
    throw new Error(needsTls);
  };
  const send: AuthPlugin = () => () => Buffer.from(`${password}\0`);
  const plain: AuthPlugin = inTls ? send : () => refuse;
  return {
    caching_sha2_password: standard.caching_sha2_password({ overrideIsSecure: inTls, onServerPublicKey: refuse }),
    sha256_password: plain,
    mysql_clear_password: plain,
  };
}
