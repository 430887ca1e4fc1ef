import type { HttpConfig } from "../../../gen/connectory/v1/http_config_pb.js";

/** True when a text holds a secret of the configuration: as it is, or in a form in which it travels. */
export function revealsSecret({ headers, authentication }: HttpConfig, text: string): boolean {
  const { case: method, value } = authentication;
  const login = method === "basic" ? [value.password] : method === "bearer" ? [value.token] : [];
  return [...Object.values(headers), ...login]
    .filter((secret) => secret !== "")
    .flatMap((secret) => {
      const bytes = Buffer.from(secret);
      const inBase64 = [bytes.toString("base64"), bytes.toString("base64url")].map((form) => form.replace(/=*$/, ""));
      return [secret, encodeURIComponent(secret), encodeURI(secret), ...inBase64];
    })
    .some((form) => text.includes(form));
}
