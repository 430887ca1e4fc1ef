/** The keys of the commands that are used here. The answer to one has its highest bit set. */
export const streamCommand = {
  metadata: 0x0f,
  peerProperties: 0x11,
  saslHandshake: 0x12,
  saslAuthenticate: 0x13,
  tune: 0x14,
  open: 0x15,
  close: 0x16,
  heartbeat: 0x17,
} as const;

/** The key of the answer to a command. */
export function answerTo(key: number): number {
  return key | 0x8000;
}
