/** Which rows reach higher levels: one in `m` reaches level 1, one in m² level 2, … */
import { GRAPH_LEVEL_MAX } from "./graph-layout.ts";

/**
 * Level of a row, from a hash of its number: the same for the same seed everywhere. The chance of a
 * level of at least l is m ** -l, as in the paper (m_L = 1 / ln m), in integers.
 */
export function levelOf(row: number, seed: number, m: number): number {
  const hash = mixed((row + mixed((seed + 0x9e37_79b9) | 0)) | 0);
  let level = 0;
  for (let bound = 2 ** 32 / m; hash < bound && level < GRAPH_LEVEL_MAX; bound /= m) level++;
  return level;
}

/** Upper nodes that a build has room for: half more than are to be expected, and some. */
export function upperRoom(rowCount: number, m: number): number {
  return Math.ceil((rowCount / (m - 1)) * 1.5) + 256;
}

/** The finalizer of MurmurHash3: every bit of the input changes half of the output's. */
function mixed(value: number): number {
  let hash = Math.imul(value ^ (value >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The rows above level 0 and their lists. */
export interface UpperNodes {
  /** Rising. */
  readonly rows: Uint32Array;
  /** First list of each, and the end. */
  readonly starts: Uint32Array;
}

/** Gathers the levels of all rows; what is more than there is room for stays on level 0. */
export function upperNodes(levels: Uint8Array, room: number): UpperNodes {
  const rows: number[] = [];
  const starts = [0];
  let lists = 0;
  for (let row = 0; row < levels.length; row++) {
    const level = levels[row] ?? 0;
    if (level === 0 || lists + level > room) continue;
    lists += level;
    rows.push(row);
    starts.push(lists);
  }
  return { rows: Uint32Array.from(rows), starts: Uint32Array.from(starts) };
}
