import { type DescMessage, type DescMethod, getOption } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as Idempotency } from "@bufbuild/protobuf/wkt";
import type { Tool } from "@modelcontextprotocol/server";
import { mcp_tool } from "../../../gen/connectory/options/v1/mcp_tool_pb.js";
import { descriptionOf } from "../../proto-schema/comments/description-of.ts";
import { isSecret } from "../../proto-schema/field-options.ts";
import { toolInputSchema, toolOutputSchema } from "./tool-schemas.ts";

/** Returns the description of a tool for clients, made from the RPC, its options and its comment. */
export function describeTool(method: DescMethod): Tool {
  const { name, title, destructive, openWorld } = getOption(method, mcp_tool);
  const { idempotency } = method;
  const readOnly = idempotency === Idempotency.NO_SIDE_EFFECTS;
  const words = [
    descriptionOf(method),
    takesSecrets(method.input) ? "Secrets are write-only: no answer ever has them." : "",
  ];
  return {
    name,
    title,
    description: words.filter((part) => part !== "").join("\n\n"),
    inputSchema: toolInputSchema(method.input),
    outputSchema: toolOutputSchema(method.output),
    annotations: {
      title,
      readOnlyHint: readOnly,
      destructiveHint: destructive,
      idempotentHint: readOnly || idempotency === Idempotency.IDEMPOTENT,
      openWorldHint: openWorld,
    },
  };
}

function takesSecrets(message: DescMessage, seen = new Set<DescMessage>()): boolean {
  if (seen.has(message)) return false;
  seen.add(message);
  return message.fields.some(
    (field) => isSecret(field) || (field.message !== undefined && takesSecrets(field.message, seen)),
  );
}
