import { createRequire } from "node:module";

interface Metadata {
  topicMetadata: readonly { readonly topicErrorCode: number }[];
}

const topicAuthorizationFailed = 29;
let lenient = false;

/**
 * Patches kafkajs so that a metadata response with unavailable partitions can be read. kafkajs (2.2.4) rejects the whole
 * response for one partition without a leader, which is no fault of the configuration. Topics with an error of their own are
 * left out; `partitionErrorCode` has the state of the other partitions. Only workers call this.
 */
export function tolerateLeaderlessPartitions(): void {
  if (lenient) return;
  lenient = true;
  const require = createRequire(import.meta.url);
  for (const version of [0, 1, 2, 3, 4, 5, 6]) {
    const response = require(`kafkajs/src/protocol/requests/metadata/v${version}/response.js`) as {
      parse(data: Metadata): Promise<Metadata>;
    };
    const strict = response.parse;
    response.parse = async (data) => {
      const refused = data.topicMetadata.filter(({ topicErrorCode }) => topicErrorCode === topicAuthorizationFailed);
      if (refused.length > 0) await strict({ ...data, topicMetadata: refused });
      return { ...data, topicMetadata: data.topicMetadata.filter(({ topicErrorCode }) => topicErrorCode === 0) };
    };
  }
}
