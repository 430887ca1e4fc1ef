/**
 * Returns the facts in a response to `$SYS.REQ.USER.INFO`: the account and the permissions by subject. Empty for other data.
 */
export function readUserInfo(answer: Uint8Array | undefined): ReadonlyMap<string, string> {
  const facts = new Map<string, string>();
  const data = member(parse(answer), "data");
  const account = member(data, "account");
  if (typeof account === "string") facts.set("account", account);
  for (const operation of ["publish", "subscribe"])
    for (const verdict of ["allow", "deny"]) {
      const subjects = member(member(member(data, "permissions"), operation), verdict);
      if (Array.isArray(subjects)) facts.set(`${operation}_${verdict}`, subjects.map(String).join(" "));
    }
  return facts;
}

function parse(bytes: Uint8Array | undefined): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}
