/** What a person wants to know of the mirrors in a store. */
import type { ObjectStore } from "../io/index.ts";
import { listBases, listMirrors, listPoints, newestPoint, readHead } from "./mirror-reader.ts";

export interface MirrorDescription {
  readonly mirror: string;
  /** Number of the newest point; 0 when there is none. */
  readonly point: number;
  /** When the data were in the newest and in the oldest state; 0 when there is none. */
  readonly atMs: number;
  readonly fromMs: number;
}

/** Sorted by id. Costs a listing of each mirror's points. */
export async function describeMirrors(store: ObjectStore): Promise<readonly MirrorDescription[]> {
  const found: MirrorDescription[] = [];
  for (const mirror of await listMirrors(store)) {
    const newest = await newestPoint(store, mirror);
    found.push({
      mirror,
      point: newest?.number ?? 0,
      atMs: newest?.atMs ?? 0,
      fromMs: await oldestMs(store, mirror),
    });
  }
  return found;
}

async function oldestMs(store: ObjectStore, mirror: string): Promise<number> {
  const [first] = await listPoints(store, mirror, 0);
  if (first === 1) return (await readHead(store, mirror, first))?.atMs ?? 0;
  // Points before the first base are gone: what it sums up is the oldest state.
  const [base] = await listBases(store, mirror);
  return base?.atMs ?? 0;
}
