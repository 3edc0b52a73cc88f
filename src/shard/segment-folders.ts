/**
 * Gives segment files their final names. Their folders are made when first needed, and a folder's
 * own name is durable before a file goes into it: syncing a folder says nothing about its name.
 */
import type { SegmentUid, ShardUid } from "../base/brands.ts";
import type { FileSystem } from "../io/index.ts";
import { segmentPath, temporaryPath } from "./shard-context.ts";

export class SegmentFolders {
  readonly #fileSystem: FileSystem;
  /** Made since the start; at most 256. One that was there may be from a life that was cut off. */
  readonly #made = new Map<string, Promise<void>>();

  constructor(fileSystem: FileSystem) {
    this.#fileSystem = fileSystem;
  }

  /** Durable when the promise resolves. */
  async settle(shard: ShardUid, segment: SegmentUid): Promise<void> {
    const target = segmentPath(segment);
    const folder = target.slice(0, target.lastIndexOf("/"));
    await this.#make(folder);
    await this.#fileSystem.rename(temporaryPath(shard, segment), target);
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
