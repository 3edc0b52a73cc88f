/**
 * Which ranges of a growing file are sent again as one, so that a point never names more than a
 * bounded number of pieces of it: a restore pays for each the way to the store and back.
 *
 * Ranges are of three classes of size, each 32 times the one before, or large. What is added takes
 * with it the ranges before it that are of a smaller class, and the 31 of its own when there are as
 * many; what came of that goes on in the same way. So ranges stand in the order of their classes,
 * at most 31 of each, and a byte that is sent again is in a larger class than before: it is sent
 * four times at most. Source: size-tiered merging, as of segments.
 */
import { PIECE_BYTES_MAX } from "./piece-writer.ts";

/** Ranges of one class that are joined. */
const JOIN_COUNT = 32;
/** A range of at least so many bytes is large: never sent again. */
export const JOINED_BYTES_MIN = 1_048_576;
/** What each class is below. */
const CLASS_BYTES: readonly number[] = [1_024, 32_768, JOINED_BYTES_MIN];
/** Ranges that are not large: with so many the file is sent again from the first of them on. */
export const SMALL_RANGES_MAX = 96;

/**
 * @param lengths of the ranges that the store has of the file, in order.
 * @param added bytes behind them that are to be sent.
 * @returns the position of the first range that is to be sent again together with everything behind
 *   it; `lengths.length` when none is.
 */
export function joinedFrom(lengths: readonly number[], added: number): number {
  const isSmall = (length: number): boolean => length < JOINED_BYTES_MIN;
  // Never by the rule below; but an upload that failed half, or an older program, may leave more.
  if (lengths.filter(isSmall).length >= SMALL_RANGES_MAX) return lengths.findIndex(isSmall);
  let first = lengths.length;
  for (let bytes = added; bytes > 0;) {
    const next = nextJoined(lengths, first, bytes);
    if (next === first) break;
    for (const length of lengths.slice(next, first)) bytes += length;
    first = next;
  }
  return first;
}

/** One step: `bytes` stand behind the range before `first`. */
function nextJoined(lengths: readonly number[], first: number, bytes: number): number {
  const wanted = classOf(bytes);
  const smaller = runBefore(lengths, first, (length) => classOf(length) < wanted);
  if (smaller < first || wanted === CLASS_BYTES.length) return smaller;
  const equal = runBefore(lengths, first, (length) => classOf(length) === wanted);
  if (first - equal >= JOIN_COUNT - 1) return equal;
  // A piece is full: there is nothing to wait for.
  const small = runBefore(lengths, first, (length) => length < JOINED_BYTES_MIN);
  const total = lengths.slice(small, first).reduce((sum, length) => sum + length, bytes);
  return total >= PIECE_BYTES_MAX ? small : first;
}

/** The first of the ranges directly before `end` that all are so. */
function runBefore(
  lengths: readonly number[],
  end: number,
  isSo: (length: number) => boolean,
): number {
  return lengths.slice(0, end).findLastIndex((length) => !isSo(length)) + 1;
}

function classOf(length: number): number {
  const found = CLASS_BYTES.findIndex((bytes) => length < bytes);
  return found < 0 ? CLASS_BYTES.length : found;
}
