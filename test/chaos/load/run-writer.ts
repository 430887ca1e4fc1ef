import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "../../support/random.ts";
import type { Answer, Call, Caller } from "./answer.ts";
import { eventOf, type History, leavesOpen } from "./history.ts";

export interface WriterOptions {
  readonly organization: string;
  /** Its own name in the organization: nobody else writes what begins so. */
  readonly name: string;
  /** One for each server. */
  readonly callers: readonly Caller[];
  readonly history: History;
  readonly random: Random;
  readonly signal: AbortSignal;
}

/** A user of the writer's own: each of its connections has it as the first of the two. */
export const hubOf = (name: string) => `hub-${name}`;

type Write = Extract<Call, { name: keyof typeof eventOf }>;

/** How many active connections and profiles a writer keeps at most. */
const maxConnections = 40;
const maxProfiles = 8;

/**
 * Creates, deletes and makes again, one write at a time, at a server that is chosen again for each attempt. What is left open is sent
 * again (a create under its request id) until it is answered, or now and then given up and its record left alone.
 */
export async function runWriter(options: WriterOptions): Promise<void> {
  const { organization, name, history, random, signal } = options;
  const connections = new Map<string, string>(); // id → friend
  const free: string[] = []; // friends whose connection was deleted: the pair is connected again
  const profiles = new Map<string, string>(); // id → label
  let counter = 0;

  const attempt = async (call: Call): Promise<Answer> => {
    const answer = await random.pick(options.callers).call(call);
    history.answered(call.name, answer);
    return answer;
  };

  /** `mayRepeat`: the write was refused, and no attempt before can have been written. */
  const write = async (call: Write, key: string): Promise<Answer & { readonly mayRepeat: boolean }> => {
    let uncertain = false;
    for (;;) {
      const answer = await attempt(call);
      const isOpen = leavesOpen(answer.code);
      // An update that is sent again would be a second one.
      const giveUp = signal.aborted || call.name === "update-profile" || random.below(4) === 0;
      if (!isOpen || giveUp) {
        // A create is answered as it was the first time, whatever came before; a delete finds nothing any more.
        const expected =
          answer.code === "RESOURCE_EXHAUSTED" || (answer.code === "NOT_FOUND" && !("requestId" in call));
        history.ended({ organization, type: eventOf[call.name], key }, answer, uncertain && expected);
        return { ...answer, mayRepeat: answer.code === "RESOURCE_EXHAUSTED" && !uncertain };
      }
      uncertain = true;
      await sleep(200);
    }
  };

  const read = async (call: Extract<Call, { name: `get-${string}` }>, expected: string) => {
    const answer = await attempt(call);
    if (answer.code === "OK" || answer.code === "NOT_FOUND")
      history.read({ organization, id: call.id, expected, seen: answer.state ?? answer.code });
  };

  const createConnection = async () => {
    const friend = free.shift() ?? `user-${name}-${counter++}`;
    const id = randomUUID();
    const users = [hubOf(name), friend] as const;
    const { code, mayRepeat } = await write({ name: "create-connection", id, requestId: randomUUID(), users }, id);
    if (code === "OK") {
      connections.set(id, friend);
      await read({ name: "get-connection", id }, "active");
    } else if (mayRepeat) free.push(friend);
  };
  const deleteConnection = async () => {
    const id = random.pick([...connections.keys()]);
    const friend = connections.get(id) ?? "";
    const { code, mayRepeat } = await write({ name: "delete-connection", id }, id);
    if (!mayRepeat) connections.delete(id);
    if (code !== "OK") return;
    free.push(friend);
    await read({ name: "get-connection", id }, "deleted");
  };
  const createProfile = async () => {
    const label = `${name}-${counter++}`;
    const { code, id } = await write({ name: "create-profile", profile: label, requestId: randomUUID(), label }, label);
    if (code !== "OK" || id === undefined) return;
    profiles.set(id, label);
    await read({ name: "get-profile", id }, `active, ${label}`);
  };
  const updateProfile = async () => {
    const id = random.pick([...profiles.keys()]);
    const label = `${name}-${counter++}`;
    const { code, mayRepeat } = await write({ name: "update-profile", id, label }, label);
    if (mayRepeat) return;
    profiles.delete(id);
    if (code !== "OK") return;
    profiles.set(id, label);
    await read({ name: "get-profile", id }, `active, ${label}`);
  };
  const deleteProfile = async () => {
    const id = random.pick([...profiles.keys()]);
    const label = profiles.get(id);
    const { code, mayRepeat } = await write({ name: "delete-profile", id }, id);
    if (mayRepeat) return;
    profiles.delete(id);
    if (code === "OK") await read({ name: "get-profile", id }, `deleted, ${label}`);
  };

  while (!signal.aborted) {
    const chance = random.next();
    if (chance < 0.7) {
      if (connections.size === 0 || (connections.size < maxConnections && random.below(5) > 1))
        await createConnection();
      else await deleteConnection();
    } else if (profiles.size === 0 || (profiles.size < maxProfiles && chance < 0.8)) await createProfile();
    else if (chance < 0.93) await updateProfile();
    else await deleteProfile();
    await sleep(random.below(150));
  }
}
