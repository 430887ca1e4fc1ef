import type { IcebergConfig } from "../../../gen/connectory/v1/iceberg_config_pb.js";
import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import { endpointName, type Probe, ProbeError, type Step } from "../sdk/connector.ts";
import { passwordInClear } from "../sdk/http/http-auth.ts";
import { openHttpClient, translateHttpError } from "../sdk/http/http-client.ts";
import { members, parseJson } from "../sdk/parse-json.ts";
import { basePath, urlTarget } from "../sdk/url.ts";
import { urlTls } from "../sdk/url-tls.ts";
import { encodeText, type NamespaceSeparator, namespaceSeparator } from "./namespace-separator.ts";
import { notCatalog, translateCatalogError } from "./translate-catalog-error.ts";

/** An open catalog, with its configuration. */
export interface Catalog {
  /** The settings that the catalog overrides, as plain names. Only those of paths are used: `prefix` and the separator. */
  readonly overrides: Readonly<Record<string, unknown>>;
  readonly defaults: Readonly<Record<string, unknown>>;
  readonly separator: NamespaceSeparator;
  /** Returns a resource below `/v1` and the catalog's prefix. Rejects with the meaning of an error response. */
  get(path: string, query?: Readonly<Record<string, string>>): Promise<Readonly<Record<string, unknown>>>;
  /** Returns a test step at this catalog. */
  step(stage: TestStage): Step;
  close(): Promise<void>;
}

/** Returns a catalog, after a request for its configuration, with which every client of the protocol begins. */
export async function openCatalog(config: IcebergConfig, probe: Probe): Promise<Catalog> {
  const url = new URL(config.url);
  const endpoint = endpointName(urlTarget(url));
  const translate = (error: unknown) => translateHttpError(error, "url");
  const step = (stage: TestStage): Step => ({ stage, endpoint, field: "url", translate });
  const client = await openHttpClient(probe, { url, field: "url", tls: urlTls(url, config.tls) });
  const headers = {
    accept: "application/json",
    ...(config.token === "" ? {} : { authorization: `Bearer ${config.token}` }),
  };
  const get = async (path: string, query: Readonly<Record<string, string>>) => {
    const search = Object.entries(query)
      .map(([name, value]) => `${encodeText(name)}=${encodeText(value)}`)
      .join("&");
    const answer = await client.request({
      method: "GET",
      path: `${basePath(url)}/v1${path}${search === "" ? "" : `?${search}`}`,
      headers,
    });
    const body = parseJson(answer.body);
    if (answer.status !== 200) throw translateCatalogError(answer.status, members(body), config);
    return members(body);
  };
  try {
    const login = { ...step(TestStage.AUTHENTICATE), warning: passwordInClear(url, config.token !== "") };
    const { overrides, defaults, prefix, separator } = await probe.step(login, async () => {
      const { warehouse } = config;
      const answer = await get("/config", warehouse === "" ? {} : { warehouse });
      if (!("overrides" in answer || "defaults" in answer)) throw notCatalog();
      const [overrides, defaults] = [members(answer.overrides), members(answer.defaults)];
      const prefix = readPrefix(overrides.prefix ?? defaults.prefix ?? "");
      const own = config.namespaceSeparator === "" ? defaults[separatorSetting] : config.namespaceSeparator;
      const separator = namespaceSeparator(overrides[separatorSetting] ?? own);
      if (separator === undefined) throw badSeparator();
      return { overrides, defaults, prefix, separator };
    });
    return {
      overrides,
      defaults,
      separator,
      step,
      close: client.close,
      get: (path, query = {}) => get(`${prefix}${path}`, query),
    };
  } catch (error) {
    await client.close();
    throw error;
  }
}

/** The name of the setting in the catalog's configuration. */
const separatorSetting = "namespace-separator";

/**
 * Returns the catalog's prefix of every path but that of the configuration; the result stays a path of the same server,
 * whatever the prefix holds.
 */
function readPrefix(prefix: unknown): string {
  if (prefix === "") return "";
  const parts = typeof prefix === "string" ? prefix.split("/") : [];
  if (parts.length > 0 && parts.every((part) => /^[\w.~!$&'()*+,;=:@%-]+$/.test(part) && !/^(\.|%2e)+$/i.test(part)))
    return `/${parts.join("/")}`;
  const hint = "the catalog sends its clients to paths that are none";
  throw new ProbeError("PREFIX_INVALID", hint, "url", TestStage.CAPABILITY);
}

function badSeparator(): ProbeError {
  const hint = "the catalog announces a separator of the levels of namespaces that cannot stand in a path";
  return new ProbeError("SEPARATOR_INVALID", hint, "url", TestStage.CAPABILITY);
}
