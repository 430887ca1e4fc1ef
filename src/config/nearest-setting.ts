import { editDistance } from "../errors/did-you-mean.ts";
import { type SettingName, secretSettings, settings } from "./settings.ts";

/** Names that other programs give to what is a setting here. */
const otherNames: Readonly<Record<string, SettingName>> = {
  KAFKA_BOOTSTRAP_SERVERS: "KAFKA_BROKERS",
  KAFKA_BOOTSTRAP_SERVER: "KAFKA_BROKERS",
  KAFKA_URL: "KAFKA_BROKERS",
  POSTGRES_URL: "DATABASE_URL",
  POSTGRESQL_URL: "DATABASE_URL",
  DB_URL: "DATABASE_URL",
  GRPC_PORT: "GRPC_ADDR",
  GRPC_HOST: "GRPC_ADDR",
  HTTP_PORT: "HTTP_ADDR",
  HTTP_HOST: "HTTP_ADDR",
  OIDC_ISSUER: "AUTH_ISSUER",
  JWKS_URL: "AUTH_JWKS_URL",
  JWKS_URI: "AUTH_JWKS_URL",
  AUTH_ROLE_CLAIM: "AUTH_ROLES_CLAIM",
  ALLOWED_ORIGINS: "CORS_ORIGINS",
  ENCRYPTION_KEYS: "SECRET_KEYS",
  MAX_MESSAGE_SIZE: "MAX_MESSAGE_BYTES",
};

/** Variables that Kubernetes and Docker set in every container for services of these names: no mistake of the operator. */
const serviceLink = /_SERVICE_(HOST|PORT)|_PORT_\d+_(TCP|UDP|SCTP)|_ENV_/;
const serviceAddress = /^(tcp|udp|sctp):\/\//;

/** The shortest name that is compared letter by letter: below, two changed letters make a name of another program. */
const shortestCompared = 7;
/** The longest name that is compared: none of the settings is longer than 27. */
const longestCompared = 64;

/**
 * Returns the setting that a variable of the environment was meant to be; undefined when it is a setting, or resembles none.
 * Names resemble each other with at most two letters changed, one word of the name too many or too few, or a word shortened
 * (`ORG`), in any case of the letters. The first word names the family, so it must nearly be the same: `SSL_CERT_FILE` is
 * OpenSSL's, and `OTEL_LOG_LEVEL` OpenTelemetry's.
 */
export function nearestSetting(name: string, value: string): SettingName | undefined {
  if (isSetting(name) || serviceLink.test(name) || serviceAddress.test(value)) return undefined;
  if (name.length < 5 || name.length > longestCompared) return undefined;
  const upper = name
    .toUpperCase()
    .replaceAll("-", "_")
    .replace(/^CONNECTORY_/, "");
  if (isSetting(upper)) return settings.find((one) => one.name === upper)?.name;
  const other = Object.hasOwn(otherNames, upper) ? otherNames[upper] : undefined;
  if (other !== undefined) return other;
  const family = settings.filter((one) => isSameFamily(firstWord(upper), firstWord(one.name)));
  return closest(upper, family) ?? family.find((one) => isSameButOneWord(upper, one.name))?.name;
}

type Known = (typeof settings)[number];

const firstWord = (name: string) => name.split("_")[0] ?? "";

/** `TSL` is a slip for `TLS`, `SSL` is another word. */
function isSameFamily(word: string, known: string): boolean {
  const most = known.length < 5 ? 1 : 2;
  return editDistance(word, known, most) <= most;
}

function isSetting(name: string): boolean {
  return settings.some((one) => one.name === name) || secretSettings.some((one) => `${one}_FILE` === name);
}

function closest(name: string, family: readonly Known[]): SettingName | undefined {
  if (name.length < shortestCompared) return undefined;
  const near = family.map((one) => ({ name: one.name, distance: editDistance(name, one.name, 2) }));
  const [best] = near.filter(({ distance }) => distance <= 2).toSorted((a, b) => a.distance - b.distance);
  return best?.name;
}

function isSameButOneWord(name: string, setting: string): boolean {
  const words = name.split("_");
  const known = setting.split("_");
  if (words.length < 2) return false;
  if (words.length === known.length) return isSame(words, known);
  const [longer, shorter] = words.length > known.length ? [words, known] : [known, words];
  if (longer.length !== shorter.length + 1 || shorter.length < 2) return false;
  return longer.some((_, index) => isSame(longer.toSpliced(index, 1), shorter));
}

/** Whether each word is the other one, or its beginning (`ORG`, `ORGANIZATION`; `BROKER`, `BROKERS`). */
function isSame(words: readonly string[], others: readonly string[]): boolean {
  return words.every((word, index) => {
    const [short = "", long = ""] = [word, others[index] ?? ""].toSorted((a, b) => a.length - b.length);
    return short.length >= 3 && long.startsWith(short);
  });
}
