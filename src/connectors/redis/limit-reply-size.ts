/**
 * More elements than the answers of a test have together: a cluster of 16384 slots that are told one by one, with
 * three nodes each, has 300 thousand.
 */
const maxElements = 1_000_000;

/**
 * Judges the answers of a server, chunk by chunk; false as soon as there is one that no test has use for. The decoder of
 * ioredis makes room for as many elements as an array says it has (11 bytes cost 264 MB and 0.25 s), and throws where
 * nobody catches on a push message without a name. Text is not told from heads of arrays: no answer of a test has a line
 * that begins like one. The patterns stop at line feeds, so that none is searched from more than once.
 */
export function limitReplySize(): (chunk: Buffer) => boolean {
  let rest = "\n";
  let elements = 0;
  return (chunk) => {
    const text = rest + chunk.toString("latin1");
    // Sets, maps, attributes and push messages are of a version of the protocol that is not asked for.
    if (/\n[~%|>]/.test(text)) return false;
    for (const [, length = ""] of text.matchAll(/\n\*([^\r\n]*)[\r\n]/g)) {
      // The decoder reads other characters as digits too.
      if (!/^(\d{1,7}|-1)$/.test(length)) return false;
      elements += Math.max(0, Number(length));
    }
    // What the end of the chunk cuts is judged with the next one.
    rest = /\n(\*[^\r\n]*)?$/.exec(text)?.[0] ?? "";
    return elements <= maxElements && rest.length < 12;
  };
}
