/**
 * ON DISK: terms, the byte strings that an inverted index is sorted by. Byte order of terms is
 * value order
 * within a kind, and equal values have equal terms, so that looking up never decodes one.
 *
 * ```
 * boolean  1, 0 or 1
 * number   2, nearest float64 d made sortable (8 bytes, big-endian), value - d + 32768 (2 bytes,
 *          big-endian)
 * string   3, UTF-8
 * date     4, milliseconds + 2^63 (8 bytes, big-endian)
 * ```
 *
 * Rounding to the nearest double keeps order, and the exact rest of an int64 or uint64 (at most
 * 1,024 either way) decides among those that round alike. Sortable: sign bit flipped for numbers ≥
 * 0, all bits for others. Source: the usual order-preserving float encoding, as in FoundationDB's
 * tuple layer.
 */
import { InsulaError } from "../base/errors.ts";
import { INVERTED_TERM_BYTES_MAX } from "../base/limits.ts";
import { INTEGER_MAX, INTEGER_MIN, type FilterScalar } from "../model/index.ts";

export const TERM_KIND = { boolean: 1, number: 2, string: 3, date: 4 } as const;

const SIGN_BIT = 0x8000_0000_0000_0000n;
const REST_BIAS = 32_768;

/** The term of a scalar; a string of any length, see {@link isLongString}. */
export function toTerm(value: FilterScalar): Buffer {
  switch (typeof value) {
    case "boolean":
      return Buffer.from([TERM_KIND.boolean, Number(value)]);
    case "string":
      return toStringTerm(value);
    case "number":
    case "bigint":
      return toNumberTerm(value);
    default: {
      const term = Buffer.allocUnsafe(9);
      term[0] = TERM_KIND.date;
      term.writeBigUInt64BE(BigInt(value.getTime()) + SIGN_BIT, 1);
      return term;
    }
  }
}

/** First byte of all terms that are comparable with the value. */
export function kindOfTerm(value: FilterScalar): number {
  switch (typeof value) {
    case "boolean":
      return TERM_KIND.boolean;
    case "string":
      return TERM_KIND.string;
    case "number":
    case "bigint":
      return TERM_KIND.number;
    default:
      return TERM_KIND.date;
  }
}

/** Too long to be a term: the index only knows which rows have such strings. */
export function isLongString(value: FilterScalar): boolean {
  if (typeof value !== "string" || value.length * 3 <= INVERTED_TERM_BYTES_MAX) return false;
  return (
    value.length > INVERTED_TERM_BYTES_MAX || Buffer.byteLength(value) > INVERTED_TERM_BYTES_MAX
  );
}

function toStringTerm(text: string): Buffer {
  const term = Buffer.allocUnsafe(1 + Buffer.byteLength(text));
  term[0] = TERM_KIND.string;
  term.write(text, 1, "utf8");
  return term;
}

function toNumberTerm(value: number | bigint): Buffer {
  const double = Number(value);
  let rest = 0;
  if (typeof value === "bigint") {
    if (value < INTEGER_MIN || value > INTEGER_MAX) {
      throw new InsulaError(
        "filter_invalid",
        "Cannot use the filter: integer out of range: expected an int64 or uint64.",
      );
    }
    rest = Number(value - BigInt(double));
  }
  const term = Buffer.allocUnsafe(11);
  term[0] = TERM_KIND.number;
  // Adding 0 makes -0 the same term as 0.
  term.writeDoubleBE(double + 0, 1);
  const bits = term.readBigUInt64BE(1);
  term.writeBigUInt64BE((bits & SIGN_BIT) === 0n ? bits | SIGN_BIT : ~bits & (2n ** 64n - 1n), 1);
  term.writeUInt16BE(rest + REST_BIAS, 9);
  return term;
}
