import type { Random } from "../../support/random.ts";
import type { Cluster } from "../cluster/start-cluster.ts";
import type { Fault } from "./fault.ts";

const hour = 3600;

/** What can be done to a cluster on this machine. A fault of one server strikes one of them by chance, each time it begins. */
export function listFaults(cluster: Cluster, random: Random): Fault[] {
  const { database, kafka, kafkaNetwork, clocks, disks } = cluster;
  return [
    ...serverFaults(cluster, random),
    fault("freeze-database", "database", database.freeze, database.resume),
    fault("kill-database", "database", database.kill, database.start),
    fault("freeze-kafka", "kafka", kafka.pause, kafka.resume),
    fault("kill-kafka", "kafka", kafka.kill, kafka.restart),
    fault("cut-kafka", "kafka", kafkaNetwork.cut, kafkaNetwork.mend),
    fault("silence-kafka", "kafka", kafkaNetwork.silence, kafkaNetwork.mend),
    fault("forget-kafka", "kafka", kafkaNetwork.silence, kafkaNetwork.forget),
    ...(disks === undefined
      ? []
      : [
          fault("fill-database-disk", "database", disks.database.fill, async () => {
            await disks.database.empty();
            await database.start(); // it ends when its log of writes has no room, as an operator would find it
          }),
          fault("fill-log-disk", "log", disks.log.fill, disks.log.empty),
        ]),
    ...(clocks === undefined
      ? []
      : [
          fault(
            "database-clock-ahead",
            "database",
            () => clocks.database.step(hour),
            () => clocks.database.step(0),
          ),
          fault(
            "database-clock-behind",
            "database",
            () => clocks.database.step(-hour),
            () => clocks.database.step(0),
          ),
        ]),
  ];
}

/** A fault of one server: the kind is drawn from the deck, the server when it begins. */
function serverFaults({ servers, databaseNetworks, clocks }: Cluster, random: Random): Fault[] {
  const one = (name: string, begin: (index: number) => unknown, cure: (index: number) => unknown): Fault => {
    let struck = 0;
    return {
      name,
      part: "server",
      begin: async () => {
        struck = random.below(servers.length);
        await begin(struck);
      },
      cure: async () => {
        await cure(struck);
      },
    };
  };
  return [
    one(
      "kill-server",
      (index) => servers[index]?.kill(),
      (index) => servers[index]?.start(),
    ),
    one(
      "freeze-server",
      (index) => servers[index]?.freeze(),
      (index) => servers[index]?.resume(),
    ),
    one(
      "cut-database",
      (index) => databaseNetworks[index]?.cut(),
      (index) => databaseNetworks[index]?.mend(),
    ),
    one(
      "silence-database",
      (index) => databaseNetworks[index]?.silence(),
      (index) => databaseNetworks[index]?.mend(),
    ),
    one(
      "forget-database",
      (index) => databaseNetworks[index]?.silence(),
      (index) => databaseNetworks[index]?.forget(),
    ),
    ...(clocks === undefined
      ? []
      : [
          one(
            "server-clock-ahead",
            (index) => clocks.servers[index]?.step(hour),
            (index) => clocks.servers[index]?.step(0),
          ),
          one(
            "server-clock-behind",
            (index) => clocks.servers[index]?.step(-hour),
            (index) => clocks.servers[index]?.step(0),
          ),
        ]),
  ];
}

function fault(name: string, part: string, begin: () => unknown, cure: () => unknown): Fault {
  return {
    name,
    part,
    begin: async () => {
      await begin();
    },
    cure: async () => {
      await cure();
    },
  };
}
