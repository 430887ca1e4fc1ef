import type { MessageInitShape } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { TestStage } from "../../gen/connectory/v1/test_report_pb.js";
import type { ConnectorRegistry } from "../../src/connectors/registry.ts";
import { failure, tryConnector } from "./run-probe.ts";

export type ConnectorId = keyof ConnectorRegistry;
export type ConfigInit<Id extends ConnectorId> = MessageInitShape<ConnectorRegistry[Id]["config"]>;

/** What can be wrong with a configuration of a system that is up. */
export type Fault =
  | "wrong host"
  | "closed port"
  | "black hole"
  | "wrong CA"
  | "expired certificate"
  | "wrong name"
  | "wrong password"
  | "no permission";

/** A configuration with one fault, and where the report has to say so: stage, code, and the field to look at. */
export interface FaultyCase<Id extends ConnectorId> {
  readonly config: ConfigInit<Id>;
  readonly fails: readonly [stage: keyof typeof TestStage, code: string, field: string];
}

/**
 * The matrix of one connector against a real server: the right configuration passes, and each fault is found where it
 * is, by its first failed step. A fault that the system does not know says why, and nothing else is left out.
 */
export function faultMatrix<Id extends ConnectorId>(
  id: Id,
  matrix: { readonly right: readonly ConfigInit<Id>[] } & Readonly<
    Record<Fault, FaultyCase<Id> | { readonly doesNotApply: string }>
  >,
): void {
  const { right, ...faults } = matrix;
  test.each(right.map((config, index) => [index + 1, config] as const))("right configuration %i", async (_, config) => {
    const outcome = await tryConnector(id, config);
    expect(failure(outcome)).toBeUndefined();
    expect(outcome).toMatchObject({ error: false });
  });
  for (const [fault, one] of Object.entries<FaultyCase<Id> | { readonly doesNotApply: string }>(faults)) {
    if ("doesNotApply" in one) continue;
    test(fault, async () => {
      const outcome = await tryConnector(id, one.config, { deadlineMs: fault === "black hole" ? 1500 : 60_000 });
      const failed = failure(outcome);
      expect(outcome.error).toBe(true);
      expect([TestStage[failed?.stage ?? 0], failed?.code, failed?.field]).toEqual(one.fails);
      expect(failed?.hint).not.toBe("");
    });
  }
}
