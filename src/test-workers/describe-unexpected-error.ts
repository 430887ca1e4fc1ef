/**
 * An error that no test should end with, for the log: its name, its code and where it was thrown. Its message is left out:
 * libraries put what the other side sent into it, and that may be a secret that it was sent.
 */
export function describeUnexpectedError(error: unknown): string {
  if (!(error instanceof Error)) return `not an error but ${typeof error}`;
  const { name, message, stack = "" } = error;
  const code = "code" in error && typeof error.code === "string" && /^[A-Z_]{2,40}$/.test(error.code) ? error.code : "";
  // The message stands before the frames, and may look like some.
  const at = stack.indexOf(message);
  const frames = message === "" || at === -1 ? stack : stack.slice(at + message.length);
  const lines = frames.split("\n").filter((line) => /^ {4}at /.test(line) && !message.includes(line));
  return [`${/^\w{1,60}$/.test(name) ? name : "Error"} ${code}`.trim(), ...lines].join("\n");
}
