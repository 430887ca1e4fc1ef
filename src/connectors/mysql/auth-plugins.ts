import { type AuthPlugin, authPlugins as standard } from "mysql2";

/**
 * The message of the error for a log-in that would reveal the password. The message identifies it, because mysql2 sets the code
 * itself.
 */
export const needsTls = "ERR_PASSWORD_NEEDS_TLS";

/**
 * Returns the authentication plugins that mysql2 lacks or implements differently. With TLS the password is sent as it is, as in
 * MySQL's own client. Without TLS nothing is sent from which it could be read: neither the password, nor the password encrypted
 * with a key of the peer, who may be an attacker.
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
