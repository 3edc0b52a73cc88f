/**
 * A data folder of which some files are still in a mirror: each is fetched, whole, when it is first
 * opened, and the rest one after the other in the background.
 */
import { InsulaError } from "../base/errors.ts";
import { unlessAborted } from "../base/unless-aborted.ts";
import {
  parentFolder,
  sleep,
  type Clock,
  type CreateOptions,
  type DiskRoom,
  type FileSystem,
  type FolderLock,
  type ReadableFile,
  type SyncedFile,
  type Timer,
  type WritableFile,
} from "../io/index.ts";
import { MIRROR_FOLDER } from "./mirror-marker.ts";
import { fetchPiece, type MirrorPlace } from "./mirror-reader.ts";
import type { MirroredFile } from "./mirror-state.ts";
import { RemoteList } from "./remote-list.ts";

/** After a failure the background waits so long. */
const RETRY_MS = 5_000;
/** An engine that ends waits no longer than this for what it still reads from the mirror. */
export const LAZY_STOP_MS = 3_000;
const FETCH_PREFIX = "fetch-";

export interface LazyDoors {
  readonly files: FileSystem;
  readonly clock: Clock;
  /** Fetching in the background failed; it is tried again. */
  readonly onFault: (error: unknown) => void;
}

export class LazyFileSystem implements FileSystem {
  readonly #doors: LazyDoors;
  readonly #files: FileSystem;
  readonly #list: RemoteList;
  /** Set when the keys are known: before, nothing that is remote is asked for. */
  #place: MirrorPlace | undefined;
  /** By path, while it is fetched. */
  readonly #fetching = new Map<string, Promise<void>>();
  /** Aborted: nothing is fetched any more, whatever is under way. */
  readonly #ending = new AbortController();
  #limit: Timer | undefined;
  #background: Promise<void> | undefined;
  #fetchNext = 0;

  private constructor(doors: LazyDoors, list: RemoteList) {
    this.#doors = doors;
    this.#files = doors.files;
    this.#list = list;
  }

  static async open(doors: LazyDoors): Promise<LazyFileSystem> {
    const { files } = doors;
    for (const name of await files.listFolder(MIRROR_FOLDER)) {
      if (name.startsWith(FETCH_PREFIX)) await files.unlink(`${MIRROR_FOLDER}/${name}`);
    }
    return new LazyFileSystem(doors, await RemoteList.open(files));
  }

  /** Of a file that is not here; undefined of others. */
  remoteBytesOf(path: string): number | undefined {
    return this.#list.get(path)?.bytes;
  }

  /** From here on files can be fetched, and are in the background. */
  start(place: MirrorPlace): void {
    this.#place = place;
    this.#background ??= this.#fetchAll();
  }

  /** To be called when the engine begins to end; {@link LazyFileSystem.stop} follows. */
  endSoon(): void {
    this.#limit ??= this.#doors.clock.after(LAZY_STOP_MS, () => {
      this.#giveUp();
    });
  }

  /** Gives up what is under way, whether or not the store answers. */
  async stop(): Promise<void> {
    this.#limit?.cancel();
    this.#giveUp();
    await this.#background;
    await Promise.allSettled(this.#fetching.values());
    await this.#list.close();
  }

  async openRead(path: string): Promise<ReadableFile | undefined> {
    await this.#bring(path);
    return this.#files.openRead(path);
  }

  async readWhole(path: string): Promise<Uint8Array | undefined> {
    await this.#bring(path);
    return this.#files.readWhole(path);
  }

  async openWrite(path: string): Promise<WritableFile> {
    await this.#bring(path);
    return this.#files.openWrite(path);
  }

  create(path: string, options?: CreateOptions): Promise<WritableFile> {
    return this.#files.create(path, options);
  }

  openSynced(path: string, options?: CreateOptions): Promise<SyncedFile> {
    return this.#files.openSynced(path, options);
  }

  replaceWhole(path: string, bytes: Uint8Array, options?: CreateOptions): Promise<void> {
    return this.#files.replaceWhole(path, bytes, options);
  }

  async exists(path: string): Promise<boolean> {
    return this.#list.get(path) !== undefined || this.#files.exists(path);
  }

  rename(source: string, target: string): Promise<void> {
    return this.#files.rename(source, target);
  }

  async truncate(path: string, length: number): Promise<void> {
    await this.#bring(path);
    await this.#files.truncate(path, length);
  }

  async unlink(path: string): Promise<void> {
    // First, so that nobody begins to fetch it; a fetch under way is waited for.
    await this.#list.remove(path);
    await this.#fetching.get(path)?.catch(() => undefined);
    await this.#files.unlink(path);
  }

  makeFolder(path: string): Promise<void> {
    return this.#files.makeFolder(path);
  }

  async listFolder(path: string): Promise<readonly string[]> {
    const names = new Set(await this.#files.listFolder(path));
    for (const name of this.#list.namesIn(path)) names.add(name);
    return [...names].sort();
  }

  syncFolder(path: string): Promise<void> {
    return this.#files.syncFolder(path);
  }

  room(): Promise<DiskRoom | undefined> {
    return this.#files.room();
  }

  lock(path: string): Promise<FolderLock> {
    return this.#files.lock(path);
  }

  #giveUp(): void {
    this.#ending.abort();
  }

  /** One fetch of a file at a time, whoever asks. */
  #bring(path: string): Promise<void> {
    const remote = this.#list.get(path);
    if (remote === undefined) return Promise.resolve();
    const { signal } = this.#ending;
    if (signal.aborted) return Promise.reject(closedError(path));
    const known = this.#fetching.get(path);
    if (known !== undefined) return known;
    const fetching = this.#fetch(path, remote)
      .catch((error: unknown) => {
        throw signal.aborted ? closedError(path, error) : error;
      })
      .finally(() => this.#fetching.delete(path));
    this.#fetching.set(path, fetching);
    return fetching;
  }

  async #fetch(path: string, { ranges }: MirroredFile): Promise<void> {
    const place = this.#place;
    if (place === undefined) {
      throw new InsulaError("io_failed", `Cannot read "${path}": its mirror is not open yet.`);
    }
    const { signal } = this.#ending;
    const temporary = `${MIRROR_FOLDER}/${FETCH_PREFIX}${String(this.#fetchNext++)}`;
    const file = await this.#files.create(temporary);
    try {
      let position = 0;
      for (const { piece, offset, length } of ranges) {
        const plain = await unlessAborted(signal, fetchPiece(place, piece, signal));
        await file.write(position, plain.subarray(offset, offset + length));
        position += length;
      }
      await file.sync();
    } catch (error) {
      await file.close();
      await this.#files.unlink(temporary);
      throw error;
    }
    await file.close();
    const folder = parentFolder(path);
    await this.#files.makeFolder(folder);
    await this.#files.syncFolder(parentFolder(folder));
    await this.#files.rename(temporary, path);
    await this.#files.syncFolder(folder);
    this.#list.arrived(path);
  }

  async #fetchAll(): Promise<void> {
    const { clock, onFault } = this.#doors;
    const { signal } = this.#ending;
    const isEnding = (): boolean => signal.aborted;
    for (const path of this.#list.paths()) {
      if (isEnding()) break;
      try {
        await this.#bring(path);
        await clock.yield();
      } catch (error) {
        if (isEnding()) break;
        onFault(error);
        // One that cannot be fetched keeps no other from it.
        this.#list.defer(path);
        await sleep(clock, RETRY_MS, signal).catch(() => undefined);
      }
    }
    if (this.#list.size === 0) await this.#list.finish().catch(onFault);
  }
}

function closedError(path: string, cause?: unknown): InsulaError {
  return new InsulaError(
    "engine_closed",
    `Cannot fetch "${path}" from its mirror: the engine is closed.`,
    { cause },
  );
}
