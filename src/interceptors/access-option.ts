import { type DescMethod, getOption, hasOption } from "@bufbuild/protobuf";
import { type Access, access } from "../../gen/connectory/options/v1/access_pb.js";

const rules = new WeakMap<DescMethod, Access>();

/** Returns the `access` option of an RPC; undefined when it has none, which denies every call. */
export function accessOptionOf(method: DescMethod): Access | undefined {
  const known = rules.get(method);
  if (known !== undefined || !hasOption(method, access)) return known;
  const rule = getOption(method, access);
  rules.set(method, rule);
  return rule;
}
