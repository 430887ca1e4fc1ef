/**
 * The maximum number of array elements over all replies of a test. A cluster of 16384 separately listed slots with three nodes
 * each has 300 thousand.
 */
const maxElements = 1_000_000;

/**
 * Returns a filter of a server's replies, chunk by chunk; it returns false from the first unacceptable one on. The decoder of
 * ioredis allocates as many elements as an array declares (11 bytes cost 264 MB and 0.25 s), and throws an uncaught exception
 * on a push message without a name. Text is not distinguished from array headers, because no reply of a test has a line that
 * begins like one. The patterns stop at line feeds, so that no text is searched twice.
 */
export function limitReplySize(): (chunk: Buffer) => boolean {
  let rest = "\n";
  let elements = 0;
  return (chunk) => {
    const text = rest + chunk.toString("latin1");
    // Sets, maps, attributes and push messages belong to a protocol version that the client does not request.
    if (/\n[~%|>]/.test(text)) return false;
    for (const [, length = ""] of text.matchAll(/\n\*([^\r\n]*)[\r\n]/g)) {
      // The decoder accepts other characters as digits too.
      if (!/^(\d{1,7}|-1)$/.test(length)) return false;
      elements += Math.max(0, Number(length));
    }
    // A line cut by the end of the chunk is checked with the next one.
    rest = /\n(\*[^\r\n]*)?$/.exec(text)?.[0] ?? "";
    return elements <= maxElements && rest.length < 12;
  };
}
