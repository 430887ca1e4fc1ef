import type { IcebergConfig } from "../../../gen/connectory/v1/iceberg_config_pb.js";
import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import { ProbeError } from "../sdk/connector.ts";
import { members } from "../sdk/parse-json.ts";

/**
 * Returns the meaning of a status other than 200. `body` is the protocol's ErrorModel, or empty when the server is not a
 * catalog.
 */
export function translateCatalogError(
  status: number,
  body: Readonly<Record<string, unknown>>,
  { token, warehouse }: IcebergConfig,
): ProbeError {
  const { type } = members(body.error);
  switch (status) {
    case 401:
      return token === ""
        ? new ProbeError("PASSWORD_MISSING", "the catalog asks for a token and the configuration has none", "token")
        : new ProbeError("PASSWORD_WRONG", "the catalog refused the token, sent as Authorization: Bearer", "token");
    case 419:
      return new ProbeError("TOKEN_EXPIRED", "the token has expired: bring a new one", "token");
    case 403:
      return new ProbeError("PERMISSION_DENIED", "the token is not enough for this", "token", TestStage.AUTHORIZE);
    case 400:
    case 404:
      if (typeof type !== "string") return notCatalog();
      if (type === "NoSuchNamespaceException")
        return incapable("NOT_FOUND", "the catalog has no such namespace", "warehouse");
      return warehouse === ""
        ? incapable(
            "WAREHOUSE_MISSING",
            "the catalog does not know what is meant: it may want a warehouse",
            "warehouse",
          )
        : incapable("WAREHOUSE_UNKNOWN", "the catalog has no such warehouse", "warehouse");
    case 429:
      return incapable("TOO_MANY_REQUESTS", "the catalog takes no more requests for now: try again", "url");
    case 503:
      return incapable("UNAVAILABLE", "the catalog does not serve requests just now: try again", "url");
    default:
      return status >= 500
        ? incapable("SERVER_ERROR", `the catalog failed with status ${status}`, "url")
        : notCatalog();
  }
}

/** The failure for a server that is not a catalog. */
export function notCatalog(): ProbeError {
  return incapable("NOT_AN_ICEBERG_CATALOG", "what answers there is not an Iceberg REST catalog: check the url", "url");
}

function incapable(code: string, hint: string, field: string): ProbeError {
  return new ProbeError(code, hint, field, TestStage.CAPABILITY);
}
