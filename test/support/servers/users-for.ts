import { canary } from "../canary.ts";

export interface TestUser {
  readonly username: string;
  readonly password: string;
}

/** The password of nobody. */
export const wrongPassword = canary("wrong-password");

/** A user of one kind of server; the password says where it leaked from. */
export function userOf(server: string, username: string): TestUser {
  return { username, password: canary(`${server}-${username}`) };
}

/** `tester` may do what a test of a connection does, `outsider` may log in and nothing else. */
export function usersFor(server: string): { readonly tester: TestUser; readonly outsider: TestUser } {
  return { tester: userOf(server, "tester"), outsider: userOf(server, "outsider") };
}
