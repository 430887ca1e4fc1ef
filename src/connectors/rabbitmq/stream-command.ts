/** The keys of the used commands. The key of a response has the highest bit set. */
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

/** Returns the key of the response to a command. */
export function answerTo(key: number): number {
  return key | 0x8000;
}
