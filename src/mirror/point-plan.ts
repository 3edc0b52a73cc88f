/** Finds out what of an image the store has not yet. */
import type { FileSystem } from "../io/index.ts";
import type { FolderImage } from "./mirror-source.ts";
import { WHOLE_FOLDERS } from "./mirror-source.ts";

/** A range of a file that is to be sent. */
export interface Sending {
  readonly path: string;
  /** Where the file may be, in the order to try. */
  readonly from: readonly string[];
  readonly start: number;
  readonly end: number;
}

export interface PointPlan {
  readonly sendings: readonly Sending[];
  readonly bytes: number;
  /** Paths that the point takes away. */
  readonly removed: readonly string[];
}

/** What is in the store, in a point or sent for the next one. */
export interface SentFiles {
  has(path: string): boolean;
  /** True when less of it arrived than was sent. */
  isPartial(path: string): boolean;
  bytesOf(path: string): number;
  /** Where a file that never loses bytes is to be sent from; at most its bytes there. */
  startOf(path: string, bytes: number): number;
  /** Paths in folders that an image names completely. */
  wholePaths(): Iterable<string>;
}

/** Segments and packs that changed since the last point. */
export interface OpenChanges {
  readonly segments: ReadonlyMap<string, boolean>;
  readonly packs: ReadonlyMap<string, number>;
}

/** A file that an image names is not there: its removal had begun before. */
export class FileGone extends Error {
  override readonly name = "FileGone";
}

interface PlanDoors {
  readonly sent: SentFiles;
  readonly fileSystem: FileSystem;
}

/** @throws FileGone */
export async function planPoint(
  image: FolderImage,
  { segments, packs }: OpenChanges,
  doors: PlanDoors,
): Promise<PointPlan> {
  const { sent } = doors;
  const sendings: Sending[] = [];
  const removed: string[] = [];
  const kept = new Set(image.replaced.map(({ path }) => path));
  for (const { path, bytes } of image.whole) {
    kept.add(path);
    const start = sent.startOf(path, bytes);
    if (start < bytes) sendings.push({ path, from: [path], start, end: bytes });
  }
  for (const { temporary, final } of image.placed) {
    kept.add(temporary);
    const sending = await restOf(doors, temporary, [temporary, final]);
    if (sending !== undefined) sendings.push(sending);
  }
  for (const path of sent.wholePaths()) if (!kept.has(path)) removed.push(path);
  for (const [path, isThere] of segments) {
    if (!isThere && sent.has(path)) removed.push(path);
    const sending = isThere ? await restOf(doors, path, [path]) : undefined;
    if (sending !== undefined) sendings.push(sending);
  }
  for (const [path, bytes] of packs) {
    if (bytes === 0 && sent.has(path)) removed.push(path);
    // One that has not grown is left as it is: it may still be in another mirror only.
    if (sent.bytesOf(path) >= bytes) continue;
    sendings.push({ path, from: [path], start: sent.startOf(path, bytes), end: bytes });
  }
  const bytes = sendings.reduce((sum, { start, end }) => sum + end - start, 0);
  return { sendings, bytes, removed };
}

/**
 * What the store lacks of a file that never changes: all, or what a put that failed has left to be
 * sent; undefined for nothing, which is known without a look at the file.
 */
async function restOf(
  { sent, fileSystem }: PlanDoors,
  path: string,
  from: readonly string[],
): Promise<Sending | undefined> {
  if (sent.has(path) && !sent.isPartial(path)) return undefined;
  const end = await sizeOf(fileSystem, from);
  return { path, from, start: sent.startOf(path, end), end };
}

/** True for a file that an image names completely. */
export function isInWholeFolder(path: string): boolean {
  return WHOLE_FOLDERS.some((folder) => path.startsWith(folder));
}

async function sizeOf(fileSystem: FileSystem, paths: readonly string[]): Promise<number> {
  for (const path of [...paths, ...paths]) {
    const file = await fileSystem.openRead(path);
    if (file === undefined) continue;
    try {
      return await file.size();
    } finally {
      await file.close();
    }
  }
  throw new FileGone(paths[0]);
}
