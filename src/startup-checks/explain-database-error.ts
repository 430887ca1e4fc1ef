/** Where a connection was to lead. */
interface DatabaseTarget {
  /** A host name or an address, or the folder of a unix socket when it starts with `/`. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
}

/** Returns what a failed connection to PostgreSQL means, and what to do, to follow the name of the setting. */
export function explainDatabaseError(error: unknown, target: DatabaseTarget): string {
  const { code = "", message = "" } = error as { readonly code?: string; readonly message?: string };
  const where = target.host.startsWith("/") ? `${target.host}, port ${target.port}` : `${target.host}:${target.port}`;
  return (
    explainState(code, message, target) ??
    explainNetwork(code, message, where) ??
    explainTls(code, message, where) ??
    `cannot be used at ${where}: ${message || code || "unknown error"}`
  );
}

/** The SQLSTATEs of a server that refuses a connection (PostgreSQL's errcodes, appendix A). */
function explainState(code: string, message: string, { user, database }: DatabaseTarget): string | undefined {
  if (code === "28P01")
    return `the server rejects user ${user} or the password: check both (a password in a URL is percent-encoded)`;
  if (code === "28000" && message.includes("no encryption"))
    return `the server takes user ${user} with TLS only: add sslmode=verify-full to the URL`;
  if (code === "28000")
    return `the server does not let user ${user} in (${message}): check the user, and pg_hba.conf there`;
  if (code === "3D000") return `there is no database ${database}: create it, or check the name at the end of the URL`;
  if (code === "42501")
    return `user ${user} lacks a right in database ${database}: ${message}; run there \`grant connect on database "${database}" to "${user}"\``;
  if (code === "53300")
    return "the server has no free connection: raise its max_connections, or lower DATABASE_POOL_MAX";
  if (code === "57P03") return "the server is starting up or shutting down: start again in a moment";
  return undefined;
}

function explainNetwork(code: string, message: string, where: string): string | undefined {
  if (code === "ENOTFOUND" || code === "EAI_AGAIN")
    return `the host of ${where} is not known to this machine's name servers: check its name`;
  if (code === "ECONNREFUSED")
    return `nothing listens at ${where}: check host and port, and that PostgreSQL is running and listens there (listen_addresses)`;
  if (code === "ENOENT" || code === "ENOTDIR")
    return `there is no socket at ${where}: check the folder in ?host=, and the port`;
  if (code === "EACCES") return `the socket at ${where} may not be used by the user that runs the service`;
  if (code === "EHOSTUNREACH" || code === "ENETUNREACH")
    return `there is no route to ${where}: check the host, and the network`;
  if (code === "ETIMEDOUT" || /^(timeout expired|Query read timeout)$/.test(message))
    return `no answer from ${where} within 5 s: check host, port and firewall`;
  if (code === "ECONNRESET" || /^(Connection terminated|received invalid response)/.test(message))
    return `what answers at ${where} is not PostgreSQL, or closes the connection: check host and port`;
  if (message.startsWith("SASL: ") && message.includes("password"))
    return "the server asks for a password, and the URL has none: write user:password@ in front of the host";
  return undefined;
}

function explainTls(code: string, message: string, where: string): string | undefined {
  if (message === "The server does not support SSL connections")
    return `the server at ${where} has no TLS: turn on ssl there, or use sslmode=disable in a network that you trust`;
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID")
    return `the certificate of ${where} is for another name (${message.replace(/^.*altnames: /, "")}): write the host as the certificate does`;
  if (code === "CERT_HAS_EXPIRED") return `the certificate of ${where} has expired: renew it there`;
  if (/^(SELF_SIGNED_CERT|DEPTH_ZERO|UNABLE_TO|CERT_)/.test(code))
    return `the certificate of ${where} is of an authority that is not known here (${code}): add sslrootcert=FILE with that authority to the URL`;
  if (/^ERR_(SSL|TLS)_/.test(code) || message.startsWith("There was an error establishing an SSL connection"))
    return `TLS with ${where} fails (${code || message}): check that the port is PostgreSQL's, and its TLS settings`;
  return undefined;
}
