import { type DescField, type DescMessage, type DescMethod, getOption } from "@bufbuild/protobuf";
import { discriminator, RestStyle, rest_style, stream_position } from "../../../gen/connectory/options/v1/rest_pb.js";

/** Which names messages have in JSON: `userId1` or `user_id_1`. Requests are read with either. */
export type RestNames = "json" | "proto";

/** What the answer of an RPC looks like over REST. */
export interface RestMapping {
  readonly style: RestStyle;
  readonly names: RestNames;
  /** The HTTP status of a success. */
  readonly status: 200 | 201;
  /** What the call does to the resource: `create`, `get`, `list`, `update`, `delete`, or the RPC's name. */
  readonly action: string;
  /**
   * `resource`: the answer is about one message, its first field; `list`: about a list of messages, its first field;
   * `message`: the answer is taken as it is, as is each message of a stream.
   */
  readonly shape: "resource" | "list" | "message";
  /** The field of the resource, or of the list of them. */
  readonly resource: DescField | undefined;
  /** What else the answer has. In the flat style the fields of the resource win, and one of the same name is left out. */
  readonly others: readonly DescField[];
}

/** The members of the envelope, which stand before the resource. */
export interface Envelope {
  readonly status: "OK";
  /** The HTTP status as text. */
  readonly statusCode: string;
  /** How long the call took, in milliseconds. */
  readonly elapsedMs: number;
  /** How much of that authentication took, in milliseconds; next to nothing for a token that was seen before. */
  readonly ssoTime: number;
  /** Where the data came from. */
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
  /** How many resources the answer has. */
  readonly rowCount: number;
}

/** What stands beside a page of a list in the envelope. */
export interface Paging {
  /** How many resources this page has. */
  readonly pageRowCount: number;
  /** The token of the next page; empty on the last one. */
  readonly nextPageToken: string;
}

/** The names of query parameters that stand for a field of another name, by the field's. */
export const queryAliases: Readonly<Record<string, string>> = { page_size: "pageRowCount" };

/** Keys that forms add to a configuration; they are ignored unless its message has such a field. */
export const ignoredConfigKeys: readonly string[] = ["name", "__meta"];

/** The form of an RPC's answer. */
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

/** The standard methods of resource-oriented APIs (AIP-130 ff.) by the word that an RPC's name begins with. */
function actionOf({ name, localName }: DescMethod): string {
  const [, word = ""] = /^(Create|Get|List|Update|Delete)[A-Z]/.exec(name) ?? [];
  return word === "" ? localName : word.toLowerCase();
}

/** A field's name in JSON. */
export function restNameOf(field: DescField, names: RestNames): string {
  return names === "json" ? field.jsonName : field.name;
}

/** For a message whose fields are one oneof: the field beside it that says which member is meant. */
export function discriminatorOf(field: DescField): DescField | undefined {
  const sibling = getOption(field, discriminator);
  return sibling === "" ? undefined : field.parent.fields.find(({ name }) => name === sibling);
}

/** The field that says where in a stream a message stands, or in a request where the stream begins. */
export function streamPositionOf(message: DescMessage): DescField | undefined {
  return message.fields.find((field) => getOption(field, stream_position));
}

/** The field of a resource, or of a request about one, that conditional requests are about. */
export function etagOf(message: DescMessage | undefined): DescField | undefined {
  return message?.fields.find(({ name, fieldKind }) => name === "etag" && fieldKind === "scalar");
}

/** The field of a request that an `Idempotency-Key` fills. */
export function requestIdField(message: DescMessage): DescField | undefined {
  return message.fields.find(({ name, fieldKind }) => name === "request_id" && fieldKind === "scalar");
}
