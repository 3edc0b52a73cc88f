import type { OriginHit, Place } from "../model/index.ts";

/** The nearest of several lists, by distance, then place, then key: the order of the engine. */
export function mergeHits(
  lists: readonly (readonly OriginHit[])[],
  topK: number,
): readonly OriginHit[] {
  return lists.flat().sort(compareHits).slice(0, topK);
}

function compareHits(a: OriginHit, b: OriginHit): number {
  return (
    a.distance - b.distance ||
    compareBytes(placeName(a.place), placeName(b.place)) ||
    compareBytes(a.key, b.key)
  );
}

function placeName({ database, collection, tenant }: Place): string {
  return `${database}\0${collection}\0${tenant ?? ""}`;
}

function compareBytes(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b));
}
