/**
 * Names of segment files: gives them their final ones, takes them away, and knows what changed. Their folders are made when first needed, and a folder's
 * own name is durable before a file goes into it: syncing a folder says nothing about its name.
 */
import { toHex, type SegmentUid, type ShardUid } from "../base/brands.ts";
import type { FileSystem } from "../io/index.ts";
import { segmentPath, temporaryPath } from "./shard-context.ts";

/** A file whose manifest may be durable already, while its name is not final yet. */
export interface PlacedFile {
  readonly temporary: string;
  readonly final: string;
}

export interface SegmentChanges {
  readonly placed: readonly PlacedFile[];
  /** Final paths, true for those that are there now. */
  readonly settled: ReadonlyMap<string, boolean>;
}

export class SegmentFolders {
  readonly #fileSystem: FileSystem;
  /** Made since the start; at most 256. One that was there may be from a life that was cut off. */
  readonly #made = new Map<string, Promise<void>>();
  /** By hexadecimal uid. */
  readonly #placed = new Map<string, PlacedFile>();
  /** Kept while somebody wants to know. */
  #settled: Map<string, boolean> | undefined;

  constructor(fileSystem: FileSystem) {
    this.#fileSystem = fileSystem;
  }

  /** A synced file under its temporary name, before any manifest can name it. */
  place(shard: ShardUid, segment: SegmentUid): void {
    const names = { temporary: temporaryPath(shard, segment), final: segmentPath(segment) };
    this.#placed.set(toHex(segment), names);
  }

  /** Removes a file that was placed and that no manifest will name. */
  async abandon(shard: ShardUid, segment: SegmentUid): Promise<void> {
    await this.#fileSystem.unlink(temporaryPath(shard, segment));
    this.#placed.delete(toHex(segment));
  }

  /** Removes a file that no manifest names any more. */
  async remove(segment: SegmentUid): Promise<void> {
    await this.#fileSystem.unlink(segmentPath(segment));
    this.#settled?.set(segmentPath(segment), false);
  }

  /** From here on {@link SegmentFolders.takeChanges} tells what changed. */
  watchChanges(): void {
    this.#settled ??= new Map();
  }

  /** What is placed now, and what was settled or removed since the last call. */
  takeChanges(): SegmentChanges {
    const settled = this.#settled ?? new Map<string, boolean>();
    if (this.#settled !== undefined) this.#settled = new Map();
    return { placed: [...this.#placed.values()], settled };
  }

  /** Durable when the promise resolves. */
  async settle(shard: ShardUid, segment: SegmentUid): Promise<void> {
    const target = segmentPath(segment);
    const folder = target.slice(0, target.lastIndexOf("/"));
    await this.#make(folder);
    await this.#fileSystem.rename(temporaryPath(shard, segment), target);
    this.#settled?.set(target, true);
    this.#placed.delete(toHex(segment));
    await this.#fileSystem.syncFolder(folder);
  }

  #make(folder: string): Promise<void> {
    const known = this.#made.get(folder);
    if (known !== undefined) return known;
    const making = this.#makeDurable(folder).catch((error: unknown) => {
      this.#made.delete(folder);
      throw error;
    });
    this.#made.set(folder, making);
    return making;
  }

  async #makeDurable(folder: string): Promise<void> {
    await this.#fileSystem.makeFolder(folder);
    await this.#fileSystem.syncFolder(folder.slice(0, folder.lastIndexOf("/")));
  }
}
