import { type DescField, type DescMessage, type DescMethod, getOption } from "@bufbuild/protobuf";
import { discriminator, RestStyle, rest_style, stream_position } from "../../../gen/connectory/options/v1/rest_pb.js";

/** The names of fields in JSON: `userId1` or `user_id_1`. Requests may have either. */
export type RestNames = "json" | "proto";

/** The form of the response of an RPC over REST. */
export interface RestMapping {
  readonly style: RestStyle;
  readonly names: RestNames;
  /** The HTTP status of a success. */
  readonly status: 200 | 201;
  /** The action on the resource: `create`, `get`, `list`, `update`, `delete`, or the name of the RPC. */
  readonly action: string;
  /**
   * `resource`: the response has one message, its first field; `list`: it has a list of messages, its first field; `message`: the
   * response, or each message of a stream, is sent unchanged.
   */
  readonly shape: "resource" | "list" | "message";
  /** The field of the resource, or of the list of them. */
  readonly resource: DescField | undefined;
  /** The other fields of the response. In the flat style a field of the resource takes precedence over one of the same name. */
  readonly others: readonly DescField[];
}

/** The members of the envelope before the resource. */
export interface Envelope {
  readonly status: "OK";
  /** The HTTP status as text. */
  readonly statusCode: string;
  /** The duration of the call in milliseconds. */
  readonly elapsedMs: number;
  /** The part of authentication in it, in milliseconds; almost none for a token that was verified before. */
  readonly ssoTime: number;
  /** The source of the data. */
  readonly source: "db";
  readonly userId: string;
  /** The token's `sid`, else its `jti`, else empty. */
  readonly sessionId: string;
  readonly requestId: string;
  /** The name of the member that holds the resource, or the list. */
  readonly dataName: string;
  readonly method: string;
  readonly action: string;
  readonly appVersion: string;
  /** The number of resources in the response. */
  readonly rowCount: number;
}

/** The data of a page of a list in the envelope. */
export interface Paging {
  /** The number of resources in this page. */
  readonly pageRowCount: number;
  /** The token of the next page; empty on the last one. */
  readonly nextPageToken: string;
}

/** Query parameters whose name differs from their field, by field name. */
export const queryAliases: Readonly<Record<string, string>> = { page_size: "pageRowCount" };

/** Keys that web forms add to a configuration; ignored unless its message has such a field. */
export const ignoredConfigKeys: readonly string[] = ["name", "__meta"];

/** Returns the form of the response of an RPC. */
export function restMappingOf(method: DescMethod): RestMapping {
  const style = getOption(method.parent, rest_style);
  const names = style === RestStyle.FLAT ? "proto" : "json";
  const action = actionOf(method);
  const status = style === RestStyle.ENVELOPE && action === "create" ? 201 : 200;
  const [first, ...rest] = method.output.fields;
  const shape = shapeOf(method, style, first);
  if (shape === "message")
    return { style, names, status, action, shape, resource: undefined, others: method.output.fields };
  const taken =
    style === RestStyle.FLAT ? (shape === "list" ? ["data", "has_more"] : fieldNames(first?.message)) : [first?.name];
  const others = rest.filter(({ name }) => !taken.includes(name));
  return { style, names, status, action, shape, resource: first, others };
}

function shapeOf(method: DescMethod, style: RestStyle, first: DescField | undefined): RestMapping["shape"] {
  if (style === RestStyle.UNSPECIFIED || method.methodKind !== "unary") return "message";
  if (first?.fieldKind === "message") return "resource";
  return first?.fieldKind === "list" && first.listKind === "message" ? "list" : "message";
}

function fieldNames(message: DescMessage | undefined): readonly string[] {
  return (message?.fields ?? []).map(({ name }) => name);
}

/** Returns the standard method (AIP-130 ff.) from the first word of the name of the RPC, else its local name. */
function actionOf({ name, localName }: DescMethod): string {
  const [, word = ""] = /^(Create|Get|List|Update|Delete)[A-Z]/.exec(name) ?? [];
  return word === "" ? localName : word.toLowerCase();
}

/** Returns the name of a field in JSON. */
export function restNameOf(field: DescField, names: RestNames): string {
  return names === "json" ? field.jsonName : field.name;
}

/** Returns the discriminator of a field whose message is one oneof: the sibling field that names its member; undefined without one. */
export function discriminatorOf(field: DescField): DescField | undefined {
  const sibling = getOption(field, discriminator);
  return sibling === "" ? undefined : field.parent.fields.find(({ name }) => name === sibling);
}

/** Returns the field with the position of a message in a stream, or in a request the position to start from; undefined without one. */
export function streamPositionOf(message: DescMessage): DescField | undefined {
  return message.fields.find((field) => getOption(field, stream_position));
}

/** Returns the `etag` field of a resource, or of a request about one, for conditional requests; undefined without one. */
export function etagOf(message: DescMessage | undefined): DescField | undefined {
  return message?.fields.find(({ name, fieldKind }) => name === "etag" && fieldKind === "scalar");
}

/** Returns the field of a request for `Idempotency-Key`; undefined without one. */
export function requestIdField(message: DescMessage): DescField | undefined {
  return message.fields.find(({ name, fieldKind }) => name === "request_id" && fieldKind === "scalar");
}
