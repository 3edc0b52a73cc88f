/** Live records of a view, drawn by chance. */
import type { Random } from "../io/index.ts";
import type { ViewPlace } from "./read-view.ts";
import type { SearchedView } from "./shard-search.ts";

/** Draws for each record wanted: enough unless almost all rows are dead. */
const DRAWS_PER_RECORD = 16;

/** At most `count` places, no two the same; every live row is as likely as every other. */
export function drawLiveRows(
  { memtables, segments }: SearchedView,
  count: number,
  random: Random,
): readonly ViewPlace[] {
  const parts = [
    ...memtables.map((view) => ({ view, rowCount: view.rowCount })),
    ...segments.map((view) => ({ view, rowCount: view.segment.rowCount })),
  ];
  const total = parts.reduce((sum, { rowCount }) => sum + rowCount, 0);
  const seen = new Set<number>();
  const places: ViewPlace[] = [];
  for (let draw = 0; draw < count * DRAWS_PER_RECORD && places.length < count; draw++) {
    if (seen.size === total) break;
    const number = drawNumber(total, random);
    if (seen.has(number)) continue;
    seen.add(number);
    const place = placeOf(parts, number);
    if (place !== undefined && isLive(place)) places.push(place);
  }
  return places;
}

/** 48 bits of chance: the bias of the remainder is below one in a million. */
function drawNumber(end: number, random: Random): number {
  return Buffer.from(random.bytes(6)).readUIntLE(0, 6) % end;
}

function placeOf(
  parts: readonly { readonly view: ViewPlace["view"]; readonly rowCount: number }[],
  number: number,
): ViewPlace | undefined {
  let row = number;
  for (const { view, rowCount } of parts) {
    if (row < rowCount) return { view, row };
    row -= rowCount;
  }
  return undefined;
}

function isLive({ view: { liveBits }, row }: ViewPlace): boolean {
  return liveBits === undefined || ((liveBits[row >>> 3] ?? 0) & (1 << (row & 7))) !== 0;
}
