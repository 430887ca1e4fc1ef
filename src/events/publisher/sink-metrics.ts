import { type Attributes, SpanKind } from "@opentelemetry/api";
import { ATTR_ERROR_TYPE } from "@opentelemetry/semantic-conventions";
import { errorType, inSpan } from "../../telemetry/in-span.ts";
import { metricNames } from "../../telemetry/metric-names.ts";
import type { Telemetry } from "../../telemetry/telemetry.ts";
import type { EventMessage, EventSink } from "./event-sink.ts";

const labels = { [metricNames.messagingSystem]: "kafka", [metricNames.messagingOperation]: "send" };

/**
 * Buckets of the histograms, in seconds; the delivery of an event includes the time until its turn and any outage of the
 * broker.
 */
const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600];

/**
 * Returns the sink with metrics and traces: every publish is a span of the calls whose events it contains, and its messages are
 * counted by topic.
 */
export function measureSink(sink: EventSink, { tracer, meter }: Telemetry): EventSink {
  const sent = meter.createCounter(metricNames.sentMessages, {
    unit: "{message}",
    description: "Messages that Kafka has taken, or with error.type has not",
  });
  const duration = meter.createHistogram(metricNames.operationDuration, {
    unit: "s",
    description: "How long it took Kafka to take what was published at once",
    advice: { explicitBucketBoundaries: buckets },
  });
  const lag = meter.createHistogram("connectory.events.delivery.duration", {
    unit: "s",
    description: "From the write of an event until Kafka has taken it",
    advice: { explicitBucketBoundaries: buckets },
  });

  const recordPublish = (messages: readonly EventMessage[], began: number, failed: Attributes) => {
    duration.record((performance.now() - began) / 1000, { ...labels, ...failed });
    const byTopic = Map.groupBy(messages, ({ topic }) => topic);
    for (const [topic, some] of byTopic)
      sent.add(some.length, { ...labels, [metricNames.messagingDestination]: topic, ...failed });
  };

  return {
    publish: (messages) => {
      const attributes = {
        ...labels,
        [metricNames.messagingOperationType]: "send",
        [metricNames.messagingBatchCount]: messages.length,
      };
      const began = performance.now();
      const headers = messages.map((message) => message.headers);
      return inSpan(tracer, { name: "send events", kind: SpanKind.PRODUCER, attributes }, headers, async () => {
        try {
          await sink.publish(messages);
        } catch (error) {
          recordPublish(messages, began, { [ATTR_ERROR_TYPE]: errorType(error) });
          throw error;
        }
        recordPublish(messages, began, {});
        const now = Date.now();
        // Both messages of an event have its id, the second with a suffix.
        for (const { ce_id = "", ce_time = "" } of headers)
          if (!ce_id.endsWith("-db")) lag.record(Math.max(0, now - Date.parse(ce_time)) / 1000);
      });
    },
    close: () => sink.close(),
  };
}
