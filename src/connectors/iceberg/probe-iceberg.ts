import type { IcebergConfig } from "../../../gen/connectory/v1/iceberg_config_pb.js";
import { TestStage } from "../../../gen/connectory/v1/test_report_pb.js";
import type { Probe } from "../sdk/connector.ts";
import { openCatalog } from "./open-catalog.ts";
import { notCatalog } from "./translate-catalog-error.ts";

/** The displayed settings of a catalog: its addresses, and its kind of storage. Other settings can be credentials. */
const shown = new Set(["uri", "prefix", "warehouse", "io-impl", "s3.endpoint", "s3.region", "client.region"]);

/** Reads the configuration of a catalog and a first namespace; changes nothing. Rejects with a ProbeError. */
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
