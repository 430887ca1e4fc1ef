import type { IcebergConfig } from "../../../gen/connectory/v1/iceberg_config_pb.js";
import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import type { Probe } from "../sdk/connector.ts";
import { openCatalog } from "./open-catalog.ts";
import { notCatalog } from "./translate-catalog-error.ts";

/** Settings of a catalog that lead its clients elsewhere, or say what it keeps. Credentials can be among the others. */
const shown = new Set(["uri", "prefix", "warehouse", "io-impl", "s3.endpoint", "s3.region", "client.region"]);

/** Asks a catalog for its configuration and for a first namespace; changes nothing. */
export async function probeIceberg(config: IcebergConfig, probe: Probe): Promise<void> {
  const catalog = await openCatalog(config, probe);
  try {
    const answer = await probe.step(catalog.step(TestStage.AUTHORIZE), () =>
      catalog.get("/namespaces", { pageToken: "", pageSize: "1" }),
    );
    await probe.step(catalog.step(TestStage.CAPABILITY), async () => {
      if (!Array.isArray(answer.namespaces)) throw notCatalog();
    });
    for (const [kind, settings] of [
      ["override", catalog.overrides],
      ["default", catalog.defaults],
    ] as const)
      for (const [name, value] of Object.entries(settings))
        if (shown.has(name) && typeof value === "string") probe.fact(`${kind}_${name}`, value);
  } finally {
    await catalog.close();
  }
}
