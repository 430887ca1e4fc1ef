import type { Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { TestStage } from "../../gen/connectory/v1/test_report_pb.js";
import type { ProbeOptions, TestOutcome } from "../../src/test-workers/probe/run-probe.ts";
import { createRandom } from "../support/random.ts";
import { blackHole, type LocalServer, startLocalServer } from "./local-server.ts";
import { endedIn, failure } from "./run-probe.ts";

/** What a broker sends for each thing that a client says; `hang up` ends the connection. */
type Script = Readonly<Record<string, Buffer | string | readonly (Buffer | string)[] | undefined>>;

/** The tests of a connector whose broker answers by a script. */
export interface ScriptedBroker<Own extends Script> {
  start(script: Own): Promise<LocalServer>;
  /** The script of a broker with which everything works. */
  readonly goodBroker: Own;
  tryAt(server: LocalServer, init?: object, options?: Partial<ProbeOptions>): Promise<TestOutcome>;
}

/** Servers of the tests of a file. After each test no socket is left, neither at them nor in this process. */
export function keepServers() {
  const servers: LocalServer[] = [];
  const sockets = () => process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length;
  const before = sockets();
  afterEach(async () => {
    const ended = servers.splice(0);
    await expect.poll(() => ended.map((server) => server.open())).toEqual(ended.map(() => 0));
    for (const server of ended) await server.close();
    await expect.poll(sockets).toBeLessThanOrEqual(before);
  });
  const keep = async <Server extends LocalServer>(starting: Promise<Server>): Promise<Server> => {
    const server = await starting;
    servers.push(server);
    return server;
  };
  return { keep, serve: (behave: (socket: Socket) => void) => keep(startLocalServer(behave)) };
}

/** Tests of a broker that falls silent: by the name of the moment, its script and the stage that the test ends in. */
export function testSilence<Own extends Script>(
  { start, tryAt }: ScriptedBroker<Own>,
  { keep }: ReturnType<typeof keepServers>,
  moments: Readonly<Record<string, readonly [script: Own, stage: keyof typeof TestStage]>>,
): void {
  test.each(Object.entries(moments))("%s: the test ends with its deadline", async (_, [script, stage]) => {
    const server = await keep(start(script));
    const outcome = await endedIn(stage, (deadlineMs) => tryAt(server, {}, { deadlineMs }));
    expect([failure(outcome)?.code, TestStage[failure(outcome)?.stage ?? 0]]).toEqual(["TIMED_OUT", stage]);
  });

  test("the test ends with the caller", async () => {
    const hole = await keep(blackHole());
    const caller = new AbortController();
    const running = tryAt(hole, {}, { signal: caller.signal });
    const ended = expect(running).rejects.toThrow("gone");
    await expect.poll(() => hole.open()).toBe(1);
    caller.abort(new Error("gone"));
    await ended;
  });
}

/** Breaks a few bytes of one answer of a broker, a hundred times, and returns the codes of all tests. */
export async function codesOfBrokenAnswers<Own extends Script>({
  start,
  goodBroker,
  tryAt,
}: ScriptedBroker<Own>): Promise<ReadonlySet<string>> {
  const random = createRandom(20_260_818);
  const codes = new Set<string>();
  for (let round = 0; round < 100; round += 1) {
    const [moment, answers] = random.pick(Object.entries(goodBroker));
    const broken = Buffer.concat([answers ?? []].flat().map((answer) => Buffer.from(answer)));
    for (let change = random.below(3); change >= 0; change -= 1)
      broken[random.below(broken.length)] = random.below(256);
    const broker = await start({ ...goodBroker, [moment]: [broken, "hang up"] });
    codes.add(failure(await tryAt(broker))?.code ?? "OK");
    await expect.poll(() => broker.open(), { interval: 1 }).toBe(0);
    await broker.close();
  }
  return codes;
}
