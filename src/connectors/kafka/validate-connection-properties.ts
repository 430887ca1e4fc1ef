import type { FieldViolation } from "../../errors/api-error.ts";

/**
 * The allowed settings of librdkafka and Java clients: sizes, times, counts, and names that a client gives itself. An allow
 * list is used because both clients keep adding settings that hold secrets (`sasl.password`, `ssl.key.pem`,
 * `sasl.oauthbearer.client.secret`), that change the destination (`bootstrap.servers`, `sasl.oauthbearer.token.endpoint.url`,
 * `https.proxy`, `client.dns.lookup`), or that load code or files (`interceptor.classes`, `plugin.library.paths`,
 * `ssl.truststore.location`, `partition.assignment.strategy`).
 */
const allowed = new Set(
  `
  client.id client.rack group.id group.instance.id group.protocol transactional.id

  acks request.required.acks enable.idempotence enable.gapless.guarantee retries message.send.max.retries
  max.in.flight max.in.flight.requests.per.connection compression.type compression.codec compression.level
  linger.ms queue.buffering.max.ms queue.buffering.max.messages queue.buffering.max.kbytes batch.size batch.num.messages
  buffer.memory max.request.size message.max.bytes message.copy.max.bytes max.block.ms delivery.timeout.ms
  message.timeout.ms request.timeout.ms transaction.timeout.ms sticky.partitioning.linger.ms partitioner

  auto.offset.reset enable.auto.commit auto.commit.interval.ms enable.auto.offset.store isolation.level check.crcs
  fetch.min.bytes fetch.max.bytes fetch.max.wait.ms fetch.wait.max.ms fetch.message.max.bytes max.partition.fetch.bytes
  fetch.error.backoff.ms fetch.queue.backoff.ms queued.min.messages queued.max.messages.kbytes
  max.poll.records max.poll.interval.ms session.timeout.ms heartbeat.interval.ms coordinator.query.interval.ms
  default.api.timeout.ms exclude.internal.topics allow.auto.create.topics enable.partition.eof

  socket.timeout.ms socket.keepalive.enable socket.nagle.disable socket.max.fails socket.send.buffer.bytes
  socket.receive.buffer.bytes send.buffer.bytes receive.buffer.bytes receive.message.max.bytes
  socket.connection.setup.timeout.ms socket.connection.setup.timeout.max.ms connections.max.idle.ms
  reconnect.backoff.ms reconnect.backoff.max.ms retry.backoff.ms retry.backoff.max.ms
  metadata.max.age.ms metadata.max.idle.ms metadata.recovery.strategy metadata.recovery.rebootstrap.trigger.ms
  topic.metadata.refresh.interval.ms topic.metadata.refresh.fast.interval.ms topic.metadata.refresh.sparse
  topic.metadata.propagation.max.ms api.version.request api.version.request.timeout.ms api.version.fallback.ms
  broker.version.fallback statistics.interval.ms log.connection.close
  `
    .trim()
    .split(/\s+/),
);

/** Numbers, words and names. Without blanks, colons and slashes a value cannot be a URL, a `host:port` or a second setting. */
const value = /^[A-Za-z0-9._-]+$/;

/** Returns the violations of the further settings for clients. */
export function validateConnectionProperties(properties: Readonly<Record<string, string>>): readonly FieldViolation[] {
  return Object.entries(properties).flatMap(([key, text]) => {
    const field = `connection_properties[${JSON.stringify(key)}]`;
    if (!allowed.has(key))
      return [{ field, description: "is not allowed: secrets, addresses and files have fields of their own, or none" }];
    if (!value.test(text)) return [{ field, description: "must be letters, digits, dots, dashes and underscores" }];
    return [];
  });
}
