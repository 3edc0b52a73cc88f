/** Lines of an answer while it comes, of which one line is held besides what came with it. */
import { InsulaError } from "../base/errors.ts";

/** Of one line. Source: 16 vectors of 16,384 numbers and the metadata fit, as in an import. */
const LINE_BYTES_MAX = 67_108_864;
const LINE_FEED = 0x0a;

/**
 * The lines that are whole, piece by piece, without their ends. The body is read when they are
 * asked for, and given up when nobody asks any more.
 *
 * @throws what the body throws; InsulaError `io_failed` for one that ends within a line.
 */
export async function* readLines(
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<readonly string[], void, void> {
  const reader = body.getReader();
  let isRead = false;
  try {
    let parts: Uint8Array[] = [];
    let length = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        isRead = true;
        if (length > 0) throw cut("it ends within a line");
        return;
      }
      const end = value.lastIndexOf(LINE_FEED);
      if (end >= 0) {
        parts.push(value.subarray(0, end));
        yield textOf(parts).split("\n");
        parts = [];
        length = 0;
      }
      parts.push(value.subarray(end + 1));
      length += value.length - end - 1;
      if (length > LINE_BYTES_MAX) throw cut("a line is too long");
    }
  } finally {
    // Of one that failed nothing is left to give up.
    if (!isRead) await reader.cancel().catch(() => undefined);
  }
}

function textOf(parts: readonly Uint8Array[]): string {
  const decoder = new TextDecoder();
  const text = parts.map((part) => decoder.decode(part, { stream: true })).join("");
  return text + decoder.decode();
}

export function cut(reason: string): InsulaError {
  return new InsulaError("io_failed", `Cannot read the answer to its end: ${reason}.`);
}
