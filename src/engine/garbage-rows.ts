/** What the catalogue remembers of bytes that nobody names any more. */
import type { SegmentEntry } from "../shard/index.ts";
import type { CatalogChange } from "./catalog-commit.ts";
import { garbageOffloadKey, garbageSegmentKey, garbageSlotKey, packKey } from "./catalog-keys.ts";

const NO_BYTES = new Uint8Array(0);

/** Remembers the bytes of a segment that a manifest is about to forget. */
export function garbageChanges(entry: SegmentEntry): readonly CatalogChange[] {
  const { location } = entry;
  if (location.kind === "pack") {
    const key = packKey(location.pack);
    return [{ kind: "totals", key, rows: 1, bytes: location.bytes, children: 0 }];
  }
  if (location.kind === "remote") return garbageOffloadChanges(location.prefix);
  return [{ kind: "put", key: garbageSegmentKey(entry.uid), value: NO_BYTES }];
}

/** Remembers objects in the store; their time of grace begins when the sweeper sees them. */
export function garbageOffloadChanges(prefix: string): readonly CatalogChange[] {
  return [{ kind: "put", key: garbageOffloadKey(prefix), value: NO_BYTES }];
}

/** Remembers a key that is to be destroyed; of slot 0, which is none, nothing. */
export function garbageSlotChanges(slot: number): readonly CatalogChange[] {
  return slot === 0 ? [] : [{ kind: "put", key: garbageSlotKey(slot), value: NO_BYTES }];
}
