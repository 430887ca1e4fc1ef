import { type DescMessage, type JsonObject, type Message, toJson } from "@bufbuild/protobuf";
import type { CallToolResult } from "@modelcontextprotocol/server";
import { errorDetailRegistry } from "../dispatch/error-detail-registry.ts";

/** The key of the request id in `_meta` of a result. */
export const requestIdMeta = "connectory/requestId";

/**
 * Converts a response to the result of a tool: the JSON of its output schema, and the same as text for models. A live test that
 * found a system unusable is a successful call, and the text states this.
 */
export function toolResult(output: DescMessage, message: Message, requestId: string): CallToolResult {
  const options = { alwaysEmitImplicit: true, registry: errorDetailRegistry };
  const structuredContent = toJson(output, message, options) as JsonObject;
  const said = sentenceOf(output, message);
  const failed = structuredContent.error === true ? " (The call itself succeeded: this is its result.)" : "";
  return {
    content: [...(said === "" ? [] : [text(`${said}${failed}`)]), text(JSON.stringify(structuredContent))],
    structuredContent,
    _meta: { [requestIdMeta]: requestId },
  };
}

/** Returns the text of the field `message` of a response; empty without one. */
export function sentenceOf(output: DescMessage, message: Message): string {
  const field = output.fields.find(({ name }) => name === "message");
  const said = field === undefined ? undefined : (message as Message & Record<string, unknown>)[field.localName];
  return typeof said === "string" ? said : "";
}

/** Makes a text block of a result. */
export function text(said: string): { type: "text"; text: string } {
  return { type: "text", text: said };
}
