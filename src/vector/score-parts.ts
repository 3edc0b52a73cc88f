/** Exact distances of listed rows that lie in several extents. */
import type { Pace } from "../base/pace.ts";
import type { FlatScan } from "./flat-scan.ts";
import type { RowBlockTarget } from "./row-blocks.ts";

/**
 * In the order of the list.
 *
 * @param parts all rows of a segment, in order.
 * @throws what the signal of the pace was aborted with.
 */
export function scoreParts(
  scan: FlatScan,
  parts: readonly RowBlockTarget[],
  rows: Uint32Array,
  pace: Pace,
): Float32Array | Promise<Float32Array> {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) {
    return scan.score(only.arena, only.target, rows, pace);
  }
  return scoreEach(scan, parts, rows, pace);
}

async function scoreEach(
  scan: FlatScan,
  parts: readonly RowBlockTarget[],
  rows: Uint32Array,
  pace: Pace,
): Promise<Float32Array> {
  const distances = new Float32Array(rows.length);
  const places = new Uint32Array(rows.length);
  const own = new Uint32Array(rows.length);
  for (const { arena, target, rowFirst, rowCount } of parts) {
    let count = 0;
    for (let i = 0; i < rows.length; i++) {
      const row = (rows[i] ?? 0) - rowFirst;
      if (row < 0 || row >= rowCount) continue;
      places[count] = i;
      own[count++] = row;
    }
    if (count === 0) continue;
    if (!pace.fits(rows.length)) await pace.take(rows.length);
    const maybe = scan.score(arena, target, own.slice(0, count), pace);
    const scored = maybe instanceof Promise ? await maybe : maybe;
    for (let i = 0; i < count; i++) distances[places[i] ?? 0] = scored[i] ?? 0;
  }
  return distances;
}
