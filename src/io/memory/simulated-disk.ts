/**
 * A disk in memory that remembers what was synced, and can say what a power cut would leave.
 *
 * Source of the model: the crash states of Pillai et al., "All File Systems Are Not Created Equal",
 * OSDI 2014: unsynced writes may be lost, torn or reordered, names and contents are apart.
 */
import type {
  CreateOptions,
  FileSystem,
  FolderLock,
  ReadableFile,
  SyncedFile,
  WritableFile,
} from "../file-system.ts";
import { parentFolder, replaceWholeThrough } from "../replace-whole.ts";
import { makeSystemError, toIoError } from "../system-error.ts";
import { DiskInode } from "./disk-inode.ts";
import { DiskNames, type NameTarget } from "./disk-names.ts";
import { missing, takeLock } from "./file-system.ts";
import { MemoryReadableFile } from "./open-file.ts";
import type { SeededRandom } from "./seeded-random.ts";

export interface SimulatedDiskOptions {
  /** Called before each change takes effect; a test takes its crash states here. */
  readonly onChange?: (change: "write" | "sync" | "name" | "sync-folder", path: string) => void;
  /** True: this sync of a file fails, and what it was to write never reaches the medium. */
  readonly failsSync?: (path: string) => boolean;
}

/** What the open files of a disk tell it. */
interface DiskHooks {
  readonly onChange: NonNullable<SimulatedDiskOptions["onChange"]>;
  readonly failsSync: NonNullable<SimulatedDiskOptions["failsSync"]>;
}

export class SimulatedDisk implements FileSystem {
  readonly #names: DiskNames;
  readonly #locks = new Set<string>();
  readonly #onChange: DiskHooks["onChange"];
  readonly #hooks: DiskHooks;

  constructor(
    options: SimulatedDiskOptions = {},
    names: ReadonlyMap<string, NameTarget> = new Map(),
  ) {
    this.#names = new DiskNames(names);
    this.#onChange = options.onChange ?? (() => undefined);
    this.#hooks = { onChange: this.#onChange, failsSync: options.failsSync ?? (() => false) };
  }

  /**
   * One legal state after a power cut at this moment, as a disk of its own on which everything is
   * synced. This disk stays as it is, so that many states can be drawn from one history.
   */
  crash(random: SeededRandom, options: SimulatedDiskOptions = {}): SimulatedDisk {
    const names = new Map<string, NameTarget>();
    const inodes = new Map<DiskInode, DiskInode>();
    for (const [path, target] of this.#names.crash(random)) {
      if (target === "folder") {
        names.set(path, target);
        continue;
      }
      const inode = inodes.get(target) ?? new DiskInode(target.crash(random));
      inodes.set(target, inode);
      names.set(path, inode);
    }
    return new SimulatedDisk(options, names);
  }

  async openRead(path: string): Promise<ReadableFile | undefined> {
    await Promise.resolve();
    const inode = this.#names.get(path);
    if (inode === undefined || inode === "folder") return undefined;
    return new MemoryReadableFile(path, inode.current);
  }

  async create(path: string): Promise<WritableFile> {
    await Promise.resolve();
    const inode = this.#entry(path);
    this.#onChange("write", path);
    inode.truncate();
    return new DiskFile(path, inode, this.#hooks);
  }

  async openWrite(path: string): Promise<WritableFile> {
    await Promise.resolve();
    return new DiskFile(path, this.#get(path), this.#hooks);
  }

  async openSynced(path: string): Promise<SyncedFile> {
    await Promise.resolve();
    return new DiskFile(path, this.#entry(path), this.#hooks);
  }

  async readWhole(path: string): Promise<Uint8Array | undefined> {
    await Promise.resolve();
    const inode = this.#names.get(path);
    return inode === undefined || inode === "folder" ? undefined : inode.current.copy();
  }

  replaceWhole(path: string, bytes: Uint8Array, options?: CreateOptions): Promise<void> {
    return replaceWholeThrough(this, path, bytes, options);
  }

  async exists(path: string): Promise<boolean> {
    await Promise.resolve();
    return this.#names.get(path) !== undefined;
  }

  async rename(source: string, target: string): Promise<void> {
    await Promise.resolve();
    const inode = this.#get(source);
    this.#requireFolder(target);
    this.#onChange("name", target);
    this.#names.rename(source, target, inode);
  }

  async truncate(path: string, length: number): Promise<void> {
    await Promise.resolve();
    const inode = this.#get(path);
    this.#onChange("write", path);
    inode.truncate(length);
  }

  async unlink(path: string): Promise<void> {
    await Promise.resolve();
    if (this.#names.get(path) === undefined) return;
    this.#onChange("name", path);
    this.#names.set(path, undefined);
  }

  async makeFolder(path: string): Promise<void> {
    await Promise.resolve();
    if (path === "" || this.#names.get(path) !== undefined) return;
    await this.makeFolder(parentFolder(path));
    this.#onChange("name", path);
    this.#names.set(path, "folder");
  }

  async listFolder(path: string): Promise<readonly string[]> {
    await Promise.resolve();
    return this.#names.list(path);
  }

  async syncFolder(path: string): Promise<void> {
    await Promise.resolve();
    if (this.#names.get(path) !== "folder") throw missing("sync the folder", path);
    this.#onChange("sync-folder", path);
    this.#names.sync(path);
  }

  async room(): Promise<undefined> {
    await Promise.resolve();
  }

  async lock(path: string): Promise<FolderLock> {
    await Promise.resolve();
    return takeLock(this.#locks, path);
  }

  #get(path: string): DiskInode {
    const inode = this.#names.get(path);
    if (inode === undefined || inode === "folder") throw missing("open", path);
    return inode;
  }

  #entry(path: string): DiskInode {
    this.#requireFolder(path);
    const found = this.#names.get(path);
    if (found !== undefined && found !== "folder") return found;
    const inode = new DiskInode();
    this.#onChange("name", path);
    this.#names.set(path, inode);
    return inode;
  }

  #requireFolder(path: string): void {
    if (this.#names.get(parentFolder(path)) !== "folder") throw missing("open", path);
  }
}

class DiskFile implements WritableFile, SyncedFile {
  readonly path: string;
  readonly #inode: DiskInode;
  readonly #hooks: DiskHooks;

  constructor(path: string, inode: DiskInode, hooks: DiskHooks) {
    this.path = path;
    this.#inode = inode;
    this.#hooks = hooks;
  }

  async write(position: number, source: Uint8Array): Promise<void> {
    await Promise.resolve();
    this.#hooks.onChange("write", this.path);
    this.#inode.write(position, source);
  }

  async sync(): Promise<void> {
    await Promise.resolve();
    this.#hooks.onChange("sync", this.path);
    if (this.#hooks.failsSync(this.path)) {
      this.#inode.failSync();
      throw toIoError(`sync "${this.path}"`, makeSystemError("EIO", "the medium took no byte"));
    }
    this.#inode.sync();
  }

  async writeAndSync(position: number, parts: readonly Uint8Array[]): Promise<void> {
    let at = position;
    for (const part of parts) {
      await this.write(at, part);
      at += part.length;
    }
    await this.sync();
  }

  async close(): Promise<void> {
    await Promise.resolve();
  }
}
