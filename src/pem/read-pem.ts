/** A block of a PEM text (RFC 7468). */
export interface PemBlock {
  /** The type of the block, such as `CERTIFICATE`. */
  readonly label: string;
  /** The lines of the block, the BEGIN and END lines included. */
  readonly text: string;
  /** The decoded content; empty when the block has headers. */
  readonly der: Uint8Array;
  /** True when the block has headers (RFC 1421), as keys in OpenSSL's old encryption have; its content is then not decoded. */
  readonly hasHeaders: boolean;
}

/** A parsed PEM text. */
export interface PemText {
  readonly blocks: readonly PemBlock[];
  /** The first fault of the form, to follow "it"; it holds no part of the text. Undefined without a fault. */
  readonly fault: string | undefined;
}

const beginLine = /^-----BEGIN ([A-Z0-9 ]{1,40})-----$/;
const base64 = /^[A-Za-z0-9+/]+={0,2}$/;

/**
 * Returns the blocks of a PEM text. Text between blocks is ignored, as in the bundles of authorities. Lines that OpenSSL would
 * skip as no block are a fault.
 */
export function readPem(text: string): PemText {
  const blocks: PemBlock[] = [];
  const broken = faultOfForm(text);
  if (broken !== undefined) return { blocks, fault: broken };
  let open: { label: string; lines: string[]; hasHeaders: boolean } | undefined;
  for (const whole of text.split(/\r?\n/)) {
    const line = whole.trimEnd();
    if (open === undefined) {
      const label = beginLine.exec(line)?.[1];
      if (label !== undefined) open = { label, lines: [], hasHeaders: false };
      else if (/-----(BEGIN|END)\b/.test(line)) return { blocks, fault: faultOfLine(line) };
    } else if (line === `-----END ${open.label}-----`) {
      const block = toBlock(open);
      if (typeof block === "string") return { blocks, fault: block };
      blocks.push(block);
      open = undefined;
    } else if (line.includes("-----")) return { blocks, fault: "has a block that does not end before the next begins" };
    else if (line === "" && !open.hasHeaders) return { blocks, fault: "has blank lines inside of a block" };
    else if (/^[A-Za-z-]+: /.test(line)) open.hasHeaders = true;
    else open.lines.push(line);
  }
  if (open !== undefined) return { blocks, fault: "has a block without its END line" };
  return { blocks, fault: blocks.length === 0 ? faultOfNone(text) : undefined };
}

function toBlock(open: { label: string; lines: readonly string[]; hasHeaders: boolean }): PemBlock | string {
  const { label, lines, hasHeaders } = open;
  const empty = new Uint8Array(0);
  if (hasHeaders) return { label, text: "", der: empty, hasHeaders };
  if (lines.some((line) => /^\s/.test(line))) return "is indented: every line must begin in its first column";
  const body = lines.join("");
  if (!base64.test(body) || body.length % 4 !== 0) return "has a block whose content is not base64";
  const text = [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
  return { label, text, der: Buffer.from(body, "base64"), hasHeaders };
}

/** Returns the fault of a whole text; most arise in a shell, a form or a template. Undefined without a fault. */
function faultOfForm(text: string): string | undefined {
  if (/^\s*LS0tLS1CRUdJTi/.test(text)) return "is the base64 of a PEM, as Kubernetes keeps it: decode it first";
  if (!text.includes("-----BEGIN")) return undefined;
  if (text.startsWith("\u{feff}")) return "begins with a byte order mark: save it without one";
  // Only next to a BEGIN or END line: `C:
  // ew` may stand in the text around the blocks.
  if (/-----(?:\\r)?\\n/.test(text)) return "has \\n as two characters in place of line ends";
  if (/\r(?!\n)/.test(text)) return "has carriage returns (CR) alone in place of line ends";
  return undefined;
}

function faultOfLine(line: string): string {
  if (/^\s+-----/.test(line)) return "is indented: every line must begin in its first column";
  const begin = line.indexOf("-----BEGIN");
  if (begin >= 0 && line.includes("-----END", begin)) return "is written in one line: the line ends are missing";
  return "has a BEGIN or END line that is broken";
}

function faultOfNone(text: string): string {
  if (/^\s*MI[A-Za-z0-9+/=\s]{40,}$/.test(text)) return "is base64 without its BEGIN and END lines";
  if (/^\s*(file:|~?\/|\.{1,2}\/|[A-Za-z]:\\)\S+\s*$/.test(text)) return "is the path of a file: give the text in it";
  return "has no block that begins with -----BEGIN";
}
