/**
 * A test needs something that npm does not bring and this machine lacks; the message says what, and how to get it. Whatever looks
 * for such a thing throws this, which is also how a test file gets into its project: see test-projects.ts.
 */
export class MissingProgram extends Error {}
