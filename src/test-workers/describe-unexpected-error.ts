/**
 * Returns the name, code and stack frames of an unexpected error, for the log. The message is left out: libraries put data of
 * the remote system into it, which may repeat a secret that it received.
 */
export function describeUnexpectedError(error: unknown): string {
  if (!(error instanceof Error)) return `not an error but ${typeof error}`;
  const { name, message, stack = "" } = error;
  const code = "code" in error && typeof error.code === "string" && /^[A-Z_]{2,40}$/.test(error.code) ? error.code : "";
  // The stack contains the message before the frames, and the message may imitate frames.
  const at = stack.indexOf(message);
  const frames = message === "" || at === -1 ? stack : stack.slice(at + message.length);
  const lines = frames.split("\n").filter((line) => /^ {4}at /.test(line) && !message.includes(line));
  return [`${/^\w{1,60}$/.test(name) ? name : "Error"} ${code}`.trim(), ...lines].join("\n");
}
